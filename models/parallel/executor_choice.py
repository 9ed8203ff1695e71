"""Choice of an executor by its name."""

from __future__ import annotations

from collections.abc import Callable

from models.errors import ExecutorError
from models.parallel.executors import Executor, Processes, Threads


def open_executor(
    name: str = "threads", workers: int | None = None, identity: Callable[[], str] | None = None
) -> Executor:
    """Return the executor of that name.

    Parameters
    ----------
    name : str
        "threads", "loky", or "dask://host:port" for the scheduler of a Dask cluster.
    workers : int, optional
        All cores by default. A cluster has the workers that it has.
    identity : callable, optional
        Describes the code and libraries of a machine; each worker of a cluster must give the same answer.

    Raises
    ------
    ExecutorError
        If there is no such executor, or what it needs is not installed.
    """
    if name == "threads":
        return Threads(workers)
    if name == "loky":
        return Processes(workers)
    if name.startswith("dask://"):
        from models.parallel.cluster import Cluster

        return Cluster(name, identity)
    raise ExecutorError(f"executor {name!r} is not known: threads, loky, or dask://host:port")
