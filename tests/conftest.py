"""What the tests of all rooms share."""

import os
import shutil
from itertools import zip_longest
from pathlib import Path

import pytest
from filelock import FileLock

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    # As the command line does. Peers that take a thread for each core, beside as many processes, spin for each other.
    os.environ.setdefault(variable, "1")


class Migrated:
    """A database as MLflow makes it, which takes it seconds: made once for all processes of the tests, then copied."""

    def __init__(self, path, make):
        self.path, self.make = path, make

    def copy(self, path):
        """Do what `pipeline.tracking.sqlite_file.make_database` does."""
        if not path.exists():
            with FileLock(f"{self.path}.lock"):
                if not self.path.exists():
                    self.make(self.path)
            shutil.copyfile(self.path, path)


@pytest.fixture(scope="session")
def everywhere(tmp_path_factory, worker_id):
    """The folder that all processes of the tests share."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


@pytest.fixture(scope="session", autouse=True)
def migrated(everywhere):
    from pipeline.tracking import database as tracking

    made = Migrated(everywhere / "mlflow.db", tracking.make_database)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracking, "make_database", made.copy)
        yield made


@pytest.fixture(scope="session")
def mlflow_here():
    """Load MLflow in this process, or each run starts another that loads it anew."""
    from pipeline.tracking import database as tracking

    tracking.load()


FIRST = ("test_features_causality.py", "test_active_set.py", "test_frontier.py")
"""Files that compile what other tests of features and of the solver find on disk then."""


def pytest_collection_modifyitems(items):
    """Let files that need the solver's kernels take turns with those that do not; what needs all comes last.

    Kernels are compiled on first use. Where the suite runs on two cores, file by file, each then compiles other
    kernels than its neighbour at the start, and finds the neighbour's on disk later.
    """
    files = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    here = Path(__file__).parent
    package = {path: path.relative_to(here).parts[0] for path in files}
    solver = [path for path in files if package[path] == "test_allocation"]
    everything = [
        path for path in files if package[path] in ("contracts", "test_pipeline", "test_operations")
    ]
    others = [path for path in files if path not in {*solver, *everything}]
    for kind in (solver, others):
        kind.sort(key=lambda path: (path.name not in FIRST, package[path] != "test_features"))
    order = [path for pair in zip_longest(others, solver) for path in pair if path] + everything
    items[:] = [item for path in order for item in files[path]]
