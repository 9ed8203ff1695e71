"""What the tests of all rooms share."""

import shutil

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
