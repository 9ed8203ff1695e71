"""Cluster: folds on the workers of a Dask scheduler, reached by its address."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any, TypeVar

from models.errors import ExecutorError
from models.parallel.batches import run_batch, split_batches, unwrap_batch
from models.parallel.executors import Executor

_S = TypeVar("_S")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

PATIENCE = 10.0
"""Seconds that a scheduler has to answer, and a first worker to be there."""


class Cluster(Executor):
    """The workers of a Dask cluster (`pip install 'tangency[dask]'`).

    The shared object is sent once to each worker and stays there until another one is mapped. Data is sent as
    pickles, so a cluster must be as private as this machine.

    Parameters
    ----------
    address : str
        "dask://host:port" of the scheduler.
    identity : callable, optional
        Describes code and libraries. Each batch checks that its worker gives the answer of this machine: a
        worker with other code would give other numbers.

    Raises
    ------
    ExecutorError
        If Dask is not installed.
    """

    def __init__(self, address: str, identity: Callable[[], str] | None = None) -> None:
        try:
            import distributed  # noqa: F401 (whether it is there; connecting comes later)
        except ImportError as error:
            raise ExecutorError(
                f"executor {address} needs Dask: install it with pip install 'tangency[dask]'"
            ) from error
        self.address = address
        self.workers = 0
        self._identity = identity
        self._client: Any = None
        self._shared: object = None
        self._sent: Any = None

    def map(
        self, function: Callable[[_S, _Item], _Result], shared: _S, items: Sequence[_Item]
    ) -> Generator[_Result]:
        """Yield the results in order; see `Executor.map`."""
        expected = (self._identity, self._identity()) if self._identity is not None else None
        with self._translate_errors():
            self._connect()
            self._send(shared)
            futures = [
                self._client.submit(_run_checked, expected, function, self._sent, batch, pure=False)
                for batch in split_batches(items, self.workers)
            ]
        try:
            for future in futures:
                with self._translate_errors():
                    answer = future.result()
                yield from unwrap_batch(answer)
        finally:
            self._give_up(futures)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Translate errors of Dask into one message; errors of the function are not affected."""
        from distributed import KilledWorker

        try:
            yield
        except KilledWorker as error:
            raise ExecutorError(
                f"executor {self.address}: workers died again and again, most often for want of memory"
            ) from error
        except ImportError as error:
            raise ExecutorError(
                f"executor {self.address}: a worker cannot import what it should compute ({error}); install the "
                "same version of tangency there"
            ) from error
        except (CancelledError, TimeoutError, OSError) as error:
            raise ExecutorError(f"executor {self.address}: the cluster was lost: {error}") from error

    def _give_up(self, futures: Sequence[Any]) -> None:
        """Cancel unfinished batches, unless the connection is lost."""
        left = [future for future in futures if not future.done()]
        if left and self._client.status == "running":
            self._client.cancel(left, force=True)

    def _open_client(self) -> Any:
        import distributed

        connect: Any = distributed.Client  # without types
        # One error message reports a lost connection; the log would repeat it.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        try:
            return connect(
                self.address.replace("dask://", "tcp://", 1), timeout=PATIENCE, set_as_default=False
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise ExecutorError(
                f"executor {self.address}: no Dask scheduler answers there within {PATIENCE:g} s ({error})"
            ) from error

    def _connect(self) -> None:
        """Connect to the scheduler if that was not done, and count its workers.

        Raises
        ------
        ExecutorError
            If it does not answer or has no worker.
        """
        if self._client is not None:
            return
        client = self._open_client()
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            client.close()
            raise ExecutorError(f"executor {self.address}: the cluster has no worker") from error
        self._client = client
        self.workers = max(1, sum(client.nthreads().values()))

    def _send(self, shared: object) -> None:
        if self._shared is not shared or self._sent is None:
            (self._sent,) = self._client.scatter([shared], broadcast=True, hash=False)
            self._shared = shared

    def close(self) -> None:
        """Disconnect from the cluster, which keeps running."""
        self._shared = self._sent = None
        if self._client is not None:
            self._client.close()
            self._client = None


def _run_checked(
    expected: tuple[Callable[[], str], str] | None,
    function: Callable[[_S, _Item], _Result],
    shared: _S,
    batch: Sequence[_Item],
) -> list[_Result] | BaseException:
    """Compute a batch on a worker whose code and libraries are those of the sender."""
    if expected is not None and expected[0]() != expected[1]:
        return ExecutorError(
            "a worker of the cluster runs other code or other versions of the libraries than this machine, and "
            "would give other numbers: install the same version of tangency with requirements.lock there"
        )
    return run_batch(function, shared, batch)
