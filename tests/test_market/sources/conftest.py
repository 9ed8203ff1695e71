"""A web server on loopback, and no waiting between requests."""

import pytest
from web_server import serve


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("market.sources.web.client._PAUSE", 0.0)
    monkeypatch.setattr("market.sources.retries._FIRST_WAIT", 0.001)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serve() as started:
        yield started
