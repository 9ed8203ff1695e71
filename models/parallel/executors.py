"""Executors: threads or processes that compute folds, with the same bits everywhere."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Self

from joblib import Parallel, cpu_count, delayed
from joblib.externals.loky import get_reusable_executor

from models.errors import ExecutorError
from models.parallel.batches import Result, S, _Item, run_batch, split_batches, unwrap_batch

_MAPPED = 100_000
"""Arrays of more bytes than that are mapped into worker processes instead of copied to them."""


class Executor(ABC):
    """Compute independent items, on one machine or many.

    A context manager, which closes its threads, processes or connections at the end of the block. An executor can
    be used for several maps, and opens nothing before the first.

    Attributes
    ----------
    workers : int
        Items computed at a time.
    """

    workers: int

    @abstractmethod
    def map(
        self, function: Callable[[S, _Item], Result], shared: S, items: Sequence[_Item]
    ) -> Generator[Result]:
        """Yield `function(shared, item)` for each item, in the order of the items.

        Close the generator to cancel the items that were not begun.

        Parameters
        ----------
        function : callable
            Of a module, so that other processes can import it.
        shared : object
            Sent once to each worker; it must not be changed.
        items : sequence
            Small objects.

        Raises
        ------
        ExecutorError
            If the executor cannot be reached, died, or runs other code.
        Exception
            The error that the function raised.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027 (threads leave nothing open)
        """Release all resources; it may be called more than once."""


class Threads(Executor):
    """Threads of this process, for functions that release the interpreter lock: numpy, numba, LightGBM.

    Parameters
    ----------
    workers : int, optional
        All cores that this process may use by default.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cpu_count()

    def map(
        self, function: Callable[[S, _Item], Result], shared: S, items: Sequence[_Item]
    ) -> Generator[Result]:
        """Yield the results in order; see `Executor.map`."""
        pool = ThreadPoolExecutor(self.workers)
        try:
            for job in [pool.submit(function, shared, item) for item in items]:
                yield job.result()
        finally:
            # Do not wait: after Ctrl-C the prompt should return at once.
            pool.shutdown(wait=False, cancel_futures=True)


class Processes(Executor):
    """Processes of this machine (loky), for models in plain Python, which threads would only take turns with.

    Large arrays are written once to shared memory and mapped into every process. Starting the processes and
    importing in them takes some seconds.

    Parameters
    ----------
    workers : int, optional
        All cores that this process may use by default.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cpu_count()
        self._parallel: Parallel | None = None

    def map(
        self, function: Callable[[S, _Item], Result], shared: S, items: Sequence[_Item]
    ) -> Generator[Result]:
        """Yield the results in order; see `Executor.map`."""
        if self._parallel is None:
            # Copy on write: a mapped array is writable like any other, and a change stays in its process.
            self._parallel = Parallel(
                self.workers, return_as="generator", batch_size=1, max_nbytes=_MAPPED, mmap_mode="c"
            )
            self._parallel.__enter__()
        tasks = [delayed(run_batch)(function, shared, batch) for batch in split_batches(items, self.workers)]
        whole = False
        answers = self._parallel(tasks)
        try:
            for answer in answers:
                yield from unwrap_batch(answer)
            whole = True
        except BrokenProcessPool as error:
            raise ExecutorError(
                "executor loky: a worker process died, most often for want of memory; try fewer workers"
            ) from error
        finally:
            if not whole:
                self._give_up(answers)

    def _give_up(self, answers: Generator[Any]) -> None:
        """End the processes in the middle of their work; the next map starts others."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # joblib's advice to submit fewer tasks
            answers.close()
        self.close()

    def close(self) -> None:
        """End the processes and remove their shared memory."""
        if self._parallel is not None:
            self._parallel.__exit__(None, None, None)
            self._parallel = None
            get_reusable_executor().shutdown(wait=True, kill_workers=True)


def count_threads(executor: Executor | None) -> int:
    """Return the number of threads for a walk that shares work between folds, and so stays in this process."""
    return executor.workers if isinstance(executor, Threads) else cpu_count()
