"""A small model of every kind to serve, and a client that asks an ASGI application in process."""

import asyncio
import json
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from models.boosting.model import Boosting
from models.linear.regression import Ridge
from models.linear.univariate import Univariate
from operations.serving.access import LOOPBACK, Access
from operations.serving.application import build_application
from operations.serving.champion import Champion
from pipeline.export.frozen import Frozen

ASSETS = ("ALPHA", "BETA", "GAMMA", "DELTA", "EPSILON", "Ünïcode")
FEATURES = ("return_1", "volatility_12", "momentum_12_1", "market")
COLUMNS = ("asset", *FEATURES, "risk", "baseline")


def make_model():
    """Return a frozen combination of trees and linear models, fitted to noise with a signal."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, len(FEATURES)))
    y = X[:, 0] * np.sign(X[:, 1]) + 0.3 * X[:, 2] + rng.normal(size=400)
    fitted = {
        "trees": Boosting(max_trees=40, learning_rate=0.1, min_rows_in_leaf=20),
        "ridge": Ridge(n_penalties=5, inner_splits=2),
        "median": Univariate(combine="median"),
    }
    models = {name: json.loads(json.dumps(m.fit(X, y).spec(list(FEATURES)))) for name, m in fitted.items()}
    models["mean"] = {"kind": "HistoricalMean", "mean": [0.1, 0.2, 0.05, 0.0, -0.1, 0.3]}
    models["all"] = {"kind": "Combination", "method": "mean", "members": list(models)}
    spec = {
        "forecast": "all",
        "relative": True,
        "trained_to": "2024-05-31",
        "assets": list(ASSETS),
        "columns": list(FEATURES),
        "models": {name: model | {"slope": 0.7, "slope_error": 0.1} for name, model in models.items()},
    }
    return Frozen(spec)


def make_rows(rng=None):
    """Return one row of cells per asset, in the order of `COLUMNS`."""
    rng = rng or np.random.default_rng(0)
    rows = []
    for asset in ASSETS:
        features = rng.normal(size=len(FEATURES)).tolist()
        rows.append([asset, *features, float(rng.uniform(0.01, 0.2)), float(rng.normal(0, 0.01))])
    return rows


def to_table(rows, columns=COLUMNS):
    """Return the table that a model takes."""
    table = pd.DataFrame(rows, columns=list(columns))
    return table.astype({name: np.float64 for name in columns if name in COLUMNS and name != "asset"})


def split(rows, columns=COLUMNS):
    """Return a request."""
    return {"dataframe_split": {"columns": list(columns), "data": rows}}


def application(model, *, token=None):
    """Return the application that serves a model to this machine."""
    champion = Champion("run-1", model.spec["trained_to"], model)
    return build_application("mine", lambda: champion, Access(frozenset(LOOPBACK), token))


@dataclass
class Answer:
    """What came back; `raised` is what the application raised after it answered, which a server logs."""

    status: int = 0
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    raised: Exception | None = None

    @property
    def json(self):
        """The content, which must be JSON as the standard has it."""

        def refuse(token):
            raise ValueError(f"{token} is not JSON")

        return json.loads(self.body, parse_constant=refuse)


def ask(app, path="/invocations", *, method=None, body=None, headers=None, chunk=2**16, stalls=False):
    """Send one request in chunks, of which the last one never comes if it `stalls`, and return the answer."""
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    given = {"host": "localhost:5001"} | ({"content-type": "application/json"} if body is not None else {})
    given |= headers or {}
    method = method or ("GET" if body is None else "POST")
    return asyncio.run(_ask(app, method, path, body or b"", given, chunk, stalls))


async def _ask(app, method, path, body, headers, chunk, stalls):
    pieces = [body[start : start + chunk] for start in range(0, len(body), chunk)] or [b""]
    answer = Answer()

    async def receive():
        if not pieces:
            return {"type": "http.disconnect"}
        if stalls and len(pieces) == 1:
            await asyncio.sleep(60)
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message):
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
    scope |= {"headers": pairs, "http_version": "1.1", "scheme": "http", "root_path": ""}
    try:
        await app(scope, receive, send)
    except Exception as error:  # noqa: BLE001
        answer.raised = error
    return answer


def to_records(forecast):
    """Return a forecast as an answer has it."""
    return [
        {
            "asset": row["asset"],
            **{name: None if np.isnan(row[name]) else row[name] for name in ("raw", "mean")},
        }
        for row in forecast.to_dict("records")
    ]
