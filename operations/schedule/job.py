"""The process of one scheduled training: `python -m operations.schedule.job`, started by `job_process`.

The first line of standard input is the request, as JSON. Standard input stays open while the parent process lives; when
the parent dies, this process ends at once. The answer is one line of JSON, written to the file descriptor that is given
as the only argument. All other output is printed as usual.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.config import RunConfig


def _run_process() -> None:
    """Read the request from standard input, train, and write the answer."""
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True, name="parent").start()
    try:
        answer = json.dumps(_answer(request)).encode() + b"\n"
    except KeyboardInterrupt:  # the parent process reports the interruption
        sys.exit(130)
    with os.fdopen(int(sys.argv[1]), "wb") as pipe:
        pipe.write(answer)


def _end_with_parent() -> None:
    """Kill this process as soon as its parent is gone; a kill loses no recorded work."""
    while os.read(0, 1024):  # not sys.stdin: a thread that holds its lock would block a normal exit
        pass
    os.killpg(0, signal.SIGKILL)


def _answer(asked: dict[str, str]) -> dict[str, str]:
    """Train, and return `outcome` ("done", "busy" or "failed") and `text` (the decision or the error)."""
    from operations.errors import BusyError
    from pipeline.config import RunConfig
    from pipeline.errors import USER_ERRORS
    from pipeline.files import explain

    try:
        config = RunConfig.model_validate_json(asked["config"])
        return {"outcome": "done", "text": train(config, dt.datetime.fromisoformat(asked["now"]))}
    except BusyError as error:
        return {"outcome": "busy", "text": str(error)}
    except USER_ERRORS as error:
        return {"outcome": "failed", "text": str(error)}
    except OSError as error:
        return {"outcome": "failed", "text": explain(error)}
    except Exception as error:  # noqa: BLE001 (a mistake in the program is reported, not raised: nobody sees it here)
        traceback.print_exc()
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}, line {place.lineno}"
        return {"outcome": "failed", "text": f"{type(error).__name__}: {error} ({where})"}


def train(config: RunConfig, now: dt.datetime) -> str:
    """Retrain, and return the decision in one line.

    Parameters
    ----------
    config : RunConfig
    now : datetime
        With a time zone. Data that became known later is not read.
    """
    from rich.console import Console

    from operations.champion.decisions import Decisions
    from operations.champion.retraining import retrain_if_new
    from pipeline.progress import Reporter

    decision, new = retrain_if_new(config, Reporter(Console(width=120)), now=now)
    if not new:
        reigning = Decisions(config).champion()
        champion = None if reigning is None else reigning.champion
        return (
            f"nothing changed: data, configuration and code are those of the decision of {decision.at:%Y-%m-%d %H:%M} "
            f"UTC ({decision.kind} {decision.run}); the champion is {champion or 'none'}"
        )
    return f"{decision.kind}: {decision.reason}"


if __name__ == "__main__":
    _run_process()
