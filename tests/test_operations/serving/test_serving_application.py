"""The application answers the champion's forecasts to those who may ask, and always in JSON."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from served import ASSETS, application, ask, make_model, make_rows, split, to_records, to_table
from starlette.datastructures import Headers

from operations.serving import application as module
from operations.serving.access import Access
from operations.serving.answers import error_response, json_response


@pytest.fixture(scope="module")
def model():
    return make_model()


@pytest.fixture(scope="module")
def app(model):
    return application(model)


def test_an_answer_has_the_bits_of_the_model_and_names_the_run(app, model):
    rows = make_rows()
    answer = ask(app, body=split(rows))
    assert answer.status == 200
    assert answer.json == {"predictions": to_records(model.forecast(to_table(rows)))}
    assert answer.headers["tangency-run"] == "run-1"
    assert answer.headers["content-type"] == "application/json"


def test_what_cannot_be_said_is_null(app):
    rows = make_rows()
    rows[1][-2] = None  # no risk
    answer = ask(app, body=split(rows)).json["predictions"]
    assert answer[1]["mean"] is None
    assert all(row["mean"] is not None for row in answer if row["asset"] != ASSETS[1])


def test_a_forecast_that_overflows_is_refused_and_named(app):
    rows = make_rows()
    raw = ask(app, body=split(rows)).json["predictions"][3]["raw"]
    rows[3][-2:] = [1.7e308, float(np.copysign(1.797e308, raw))]
    answer = ask(app, body=split(rows))
    assert answer.status == 400
    assert "'DELTA' overflows" in answer.json["error"]


def test_overlapping_requests_get_the_answers_of_their_own_tables(app, model):
    rng = np.random.default_rng(1)
    tables = [make_rows(rng)[: rng.integers(2, 7)] for _ in range(40)]
    expected = [to_records(model.forecast(to_table(rows))) for rows in tables]
    order = rng.integers(len(tables), size=200)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: ask(app, body=split(tables[n])), order))
    assert [a.json["predictions"] for a in answers] == [expected[n] for n in order]


def test_health_and_version(app):
    assert ask(app, "/health").json == ask(app, "/ping").json == {"status": "ok"}
    version = ask(app, "/version").json
    assert version == {
        "tangency": version["tangency"],
        "model": "mine",
        "run": "run-1",
        "trained_to": "2024-05-31",
    }
    assert version["tangency"][0].isdigit()


BODY = json.dumps(split(make_rows())).encode()


@pytest.mark.parametrize(
    ("path", "method", "body", "headers", "status", "words"),
    [
        ("/nowhere", "GET", None, {}, 404, "POST /invocations"),
        ("/health/", "GET", None, {}, 404, "GET /health"),
        ("/invocations", "GET", None, {}, 405, "POST /invocations"),
        ("/health", "DELETE", None, {}, 405, "GET /health"),
        ("/invocations", "POST", BODY, {"content-type": "text/csv"}, 415, "application/json"),
        (
            "/invocations",
            "POST",
            BODY,
            {"content-type": "application/json; charset=utf-16"},
            415,
            "UTF-8",
        ),
        ("/invocations", "POST", BODY, {"content-encoding": "gzip"}, 415, "compressed"),
        ("/invocations", "POST", b" " * (2**20 + 1), {}, 413, "1048576 bytes"),
        ("/invocations", "POST", BODY, {"content-length": str(2**20 + 1)}, 413, "1048576 bytes"),
        ("/invocations", "POST", BODY, {"host": "evil.example"}, 403, "--allowed-host"),
        ("/health", "GET", None, {"host": "localhost.evil.example:5001"}, 403, "--allowed-host"),
        ("/health", "GET", None, {"host": "localhost:5001@evil.example"}, 403, "Host"),
        ("/health", "GET", None, {"host": ""}, 403, "Host"),
        ("/invocations", "POST", BODY, {"origin": "https://evil.example"}, 403, "Origin"),
        ("/invocations", "POST", BODY, {"origin": "http://localhost:3000"}, 403, "Origin"),
        ("/invocations", "POST", BODY, {"origin": "null"}, 403, "Origin"),
    ],
)
def test_what_is_not_for_this_server_is_refused_with_one_line(
    app, path, method, body, headers, status, words
):
    answer = ask(app, path, method=method, body=body, headers=headers)
    assert answer.status == status
    assert words in answer.json["error"]
    assert answer.body.count(b"\n") == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1"},
        {"host": "[::1]:5001"},
        {"host": "LOCALHOST.:80"},
        {"origin": "http://localhost:5001"},
        {"content-type": 'application/json; charset="UTF-8"'},
    ],
)
def test_who_may_ask_is_answered(app, headers):
    assert ask(app, body=BODY, headers=headers).status == 200


def test_a_token_is_asked_of_all_but_health(model):
    app = application(model, token="a-token-of-24-characters")
    assert ask(app, "/health").status == ask(app, "/ping").status == 200
    wrong = (
        "Bearer wrong",
        "Basic a-token-of-24-characters",
        "Bearer a-token-of-24-characters-and-more",
        "Bearer a-token-of-24-character",
        "Bearer A-TOKEN-OF-24-CHARACTERS",
        "Bearer",
        "a-token-of-24-characters",
    )
    for given in ({}, *({"authorization": each} for each in wrong)):
        refused = ask(app, body=BODY, headers=given)
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert ask(app, "/version", headers=given).status == 401
    assert ask(app, body=BODY, headers={"authorization": "Bearer a-token-of-24-characters"}).status == 200


def test_a_body_that_does_not_come_is_given_up(app, monkeypatch):
    monkeypatch.setattr(module, "BODY_SECONDS", 0.05)
    answer = ask(app, body=BODY, stalls=True)
    assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert "not complete" in answer.json["error"]


def test_a_fault_of_the_server_shows_no_stack_trace(model, monkeypatch):
    app = application(model)
    monkeypatch.setattr("operations.serving.champion.parse_table", lambda *_: {}["a key that is not there"])
    answer = ask(app, body=BODY)
    assert (answer.status, answer.json) == (500, {"error": "a fault of the server; its log says more"})
    assert isinstance(answer.raised, KeyError), "for the log"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("host", "localhost:80")], None),
        ([("host", "localhost:80"), ("host", "localhost:80")], 403),
        ([("host", "localhost:80"), ("host", "evil.example")], 403),
        ([], 403),
        ([("host", "localhost:80"), ("origin", "http://localhost:80")], None),
        (
            [("host", "localhost:80"), ("origin", "http://localhost:80"), ("origin", "http://evil.example")],
            403,
        ),
        ([("host", "localhost:80"), ("origin", "http://localhost")], 403),
    ],
)
def test_a_header_that_is_there_twice_decides_nothing(headers, status):
    given = Headers(raw=[(name.encode(), value.encode()) for name, value in headers])
    answer = Access(frozenset({"localhost"})).refuse("/invocations", given)
    assert (answer and answer.status_code) == status


def test_no_answer_holds_what_json_has_no_word_for_and_no_error_is_long():
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            json_response({"mean": number})
    body = error_response("x" * 5000 + "\nsecond line", 400).body
    assert len(json.loads(body)["error"]) < 1010
    assert body.count(b"\n") == 1
