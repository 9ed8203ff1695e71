"""What the tests of all rooms share."""

import shutil
from itertools import zip_longest

import pytest


class Migrated:
    """A database as MLflow makes it, which takes it seconds: made once by each process of the tests, then copied."""

    def __init__(self, path, make):
        self.path, self.make = path, make

    def copy(self, path):
        """Do what `pipeline.tracking._make_database` does."""
        if not path.exists():
            if not self.path.exists():
                self.make(self.path)
            shutil.copyfile(self.path, path)


@pytest.fixture(scope="session", autouse=True)
def migrated(tmp_path_factory):
    from pipeline import tracking

    made = Migrated(tmp_path_factory.mktemp("mlflow") / "mlflow.db", tracking._make_database)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracking, "_make_database", made.copy)
        yield made


def pytest_collection_modifyitems(items):
    """Let files that need the solver's kernels take turns with those that do not.

    Kernels are compiled on first use. Where the suite runs on two cores, file by file, each then compiles other
    kernels than its neighbour at the start, and finds the neighbour's on disk later.
    """
    files = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    solver = [path for path in files if path.parent.name in ("test_allocation", "contracts")]
    others = sorted(files.keys() - set(solver), key=lambda path: (path.parent.name != "test_features", path))
    order = [path for pair in zip_longest(others, solver) for path in pair if path]
    items[:] = [item for path in order for item in files[path]]
