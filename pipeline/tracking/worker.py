"""Courier: a process that loads MLflow while the run computes, and tells of the run when that is done.

To import MLflow with its SQL store takes longer than to tell it all that a run has to tell. Nobody should wait for that
while a second core is idle.
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
    """Delivers runs, by a process of its own if it was told to get ready, in this one otherwise."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def get_ready(self) -> None:
        """Start loading MLflow beside what this process does, unless it has MLflow already."""
        if self._process is None and "mlflow" not in sys.modules:
            # Where no process can be started, as without memory, this one loads MLflow itself when it is needed.
            with suppress(OSError):
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "pipeline.tracking.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )

    def deliver(self, folder: Path) -> str:
        """Tell MLflow of a run, as `pipeline.tracking.send.deliver` does."""
        from pipeline.tracking.database import follow_move

        follow_move(folder.parent)  # here, where its notice is seen
        answer = self._ask(folder)
        if "error" in answer:
            raise TrackingError(answer["error"])
        if "page" in answer:
            return answer["page"]
        # None was started, or it has died: what it has not finished is finished here.
        from pipeline.tracking.send import deliver

        return deliver(folder)

    def _ask(self, folder: Path) -> dict[str, str]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return {}
        try:
            print(folder.resolve(), file=process.stdin, flush=True)
            # To end takes it a while, for which nobody has to wait.
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


def main() -> None:
    """Load, wait for the folder of a run on standard input, and answer with one line of JSON."""
    import gc

    # Nothing of what is imported is garbage, a run makes little, and looking for it takes a quarter of the time.
    gc.disable()
    from pipeline.tracking import database as tracking
    from pipeline.tracking import send as sending

    tracking.load()
    folder = sys.stdin.readline().strip()
    if not folder:  # the run came to nothing
        return
    try:
        answer = {"page": sending.deliver(Path(folder))}
    except TrackingError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
