"""Desks to retrain at, with MLflow told nothing where that is not what is tested.

Modules are loaded where they are used: the process that hands the tests out reads this file before others begin.
"""

import functools
import pickle
from contextlib import contextmanager

import pytest
from filelock import FileLock


@contextmanager
def by_oneself():
    """Keep to a store of one's own, and read macro series once: they take a third of an update."""
    from market.readers.packaged import datasets
    from operations.cli.main import load_commands

    load_commands()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "load_macro", functools.cache(datasets.load_macro))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
        yield


# Not for the session: tests of other folders come after these, and draw, and read, and track.
@pytest.fixture(scope="module", autouse=True)
def no_server(mlflow_here):
    with by_oneself():
        yield


@pytest.fixture
def desk(tmp_path, trained):
    """Return a desk where nothing was decided, but what training the first months gives is in the store."""
    from desk import Desk

    return Desk(tmp_path, beside=trained)


@pytest.fixture
def untold(monkeypatch):
    """Tell MLflow nothing: for tests of what is decided."""
    from desk import silence

    silence(monkeypatch)


@pytest.fixture(scope="session")
def trained(everywhere, mlflow_here):
    """A desk with three months of retraining behind it, one for all processes: not to be changed by a test."""
    from desk import Desk, silence

    folder = everywhere / "trained"
    made = folder / "decisions.pickle"
    with FileLock(f"{folder}.lock"):
        if not made.exists():
            folder.mkdir(exist_ok=True)
            desk = Desk(folder)
            with by_oneself(), pytest.MonkeyPatch.context() as patch:
                silence(patch)
                decisions = [desk.retrain(date) for date in ("2002-03-31", "2002-04-30", "2002-05-31")]
            made.write_bytes(pickle.dumps(decisions))
    desk = Desk(folder)
    desk.decisions = pickle.loads(made.read_bytes())
    return desk
