"""MLflow worker: a process that loads MLflow while the run computes, and sends the run when it is done.

Importing MLflow with its SQL store takes longer than sending a run. The worker uses a second core to hide that time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.errors import TrackingError


class MlflowWorker:
    """Sends runs, in a separate process if `get_ready` was called, otherwise in this one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def get_ready(self) -> None:
        """Start loading MLflow in the background, unless this process has already loaded it."""
        if self._process is None and "mlflow" not in sys.modules:
            # If no process can be started, for lack of memory for example, this process loads MLflow when needed.
            with suppress(OSError):
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "pipeline.tracking.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )

    def deliver(self, folder: Path) -> str:
        """Send a run to MLflow, as `pipeline.tracking.send.deliver` does."""
        from pipeline.tracking.database import follow_move

        follow_move(folder.parent)  # here, where its notice is visible
        answer = self._ask(folder)
        if "error" in answer:
            raise TrackingError(answer["error"])
        if "page" in answer:
            return answer["page"]
        # No worker was started, or it has died: this process finishes the work.
        from pipeline.tracking.send import deliver

        return deliver(folder)

    def _ask(self, folder: Path) -> dict[str, str]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return {}
        try:
            print(folder.resolve(), file=process.stdin, flush=True)
            # The worker takes a moment to exit; nothing needs to wait for it.
            line = process.stdout.readline()
            return dict(json.loads(line)) if line else {}
        except (OSError, ValueError):
            return {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _run_worker() -> None:
    """Load MLflow, wait for a run's folder on standard input, and answer with one line of JSON."""
    import gc

    # Imported objects are never garbage and a run creates little of it; collection would take a quarter of the time.
    gc.disable()
    from pipeline.tracking import database as tracking
    from pipeline.tracking import send

    tracking.load()
    folder = sys.stdin.readline().strip()
    if not folder:  # the run failed
        return
    try:
        answer = {"page": send.deliver(Path(folder))}
    except TrackingError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _run_worker()
