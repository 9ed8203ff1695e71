"""Desks to retrain at, with MLflow told nothing where that is not what is tested."""

import functools

import pytest
from desk import Desk, silence

from market import packaged


@pytest.fixture(scope="session", autouse=True)
def packaged_once():
    """Read what ships inside packages once: it takes a third of an update, and none of these tests changes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packaged, "load_macro", functools.cache(packaged.load_macro))
        yield


@pytest.fixture(scope="session")
def no_server(undrawing, mlflow_here):
    """Keep to a store of one's own, and draw nothing."""
    with undrawing(), pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
        yield


@pytest.fixture
def desk(tmp_path, no_server):
    return Desk(tmp_path)


@pytest.fixture
def untold(monkeypatch):
    """Tell MLflow nothing: for tests of what is decided."""
    silence(monkeypatch)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, no_server):
    """A desk with three months of retraining behind it: not to be changed by a test."""
    desk = Desk(tmp_path_factory.mktemp("trained"))
    with pytest.MonkeyPatch.context() as patch:
        silence(patch)
        desk.decisions = [desk.retrain(date) for date in ("2002-03-31", "2002-04-30", "2002-05-31")]
    return desk
