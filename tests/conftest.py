"""What the tests of all rooms share."""

import shutil
from itertools import zip_longest

import pytest


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """Return a database as MLflow makes it, which takes seconds: once for each worker."""
    import mlflow

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def mlflow_database(migrated, monkeypatch):
    """Let tracking begin with a copy of a database that MLflow has made, and return that."""
    from pipeline import tracking

    honest = tracking._make_database

    def copy(path):
        if not path.exists():
            shutil.copyfile(migrated, path)
        honest(path)

    monkeypatch.setattr(tracking, "_make_database", copy)
    return migrated


def pytest_collection_modifyitems(items):
    """Alternate between files of the solver and the others.

    Their kernels are compiled on first use. Where the suite runs on two cores, file by file, each then compiles other
    kernels than its neighbour at the start, and finds the neighbour's on disk later.
    """
    files = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    solver = [tests for path, tests in files.items() if path.parent.name == "test_allocation"]
    others = [tests for path, tests in files.items() if path.parent.name != "test_allocation"]
    order = [tests for pair in zip_longest(others, solver, fillvalue=[]) for tests in pair]
    items[:] = [test for tests in order for test in tests]
