"""Ends of the process: signals interrupt the work as Ctrl-C does, but never during an import; output with no reader."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Iterable
from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT)
"""Signals that ask the process to end."""
INTERRUPTED = "interrupted: finished stages are kept, run the same command to go on"
CTRL_C = 130
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AGAIN = 0.02
"""Seconds until a signal that arrived during an import is checked again."""
_SWALLOWED = 0.5
"""Seconds until an interruption that no code is handling is raised again."""
_MACHINERY = "<frozen importlib._bootstrap>"


class _Stop:
    """State of this process while a signal ends it."""

    guarded = False
    number: int | None = None
    raised = False
    reported = False


def end_on_signals() -> None:
    """Let Ctrl-C, SIGTERM and SIGHUP end this process, from now on and at any moment.

    The first signal raises KeyboardInterrupt, but not inside an import: libraries catch it there and continue half
    loaded, or print their own traceback. It is raised when the import is done. If a library swallows it and the command
    continues, it is raised again until `settle` is called. Code that is handling it, such as a finally clause, is not
    interrupted. A second signal ends the process at once.
    Signals that the parent process set to be ignored, as nohup does, stay ignored.
    """
    _Stop.guarded = True
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    signal.signal(signal.SIGALRM, _raise_outside_imports)


def settle(code: int) -> int:
    """Return the exit code of the ending process, and report an interruption if there was one.

    In a process prepared by `end_on_signals`, signals are ignored from then on, since no work is left to interrupt.

    Parameters
    ----------
    code : int
        Exit code if no signal arrived; otherwise the result is 128 plus the signal's number.
    """
    if _Stop.guarded:
        for number in (*_ENDING, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
    ending = code if _Stop.number is None else 128 + _Stop.number
    if ending == CTRL_C:
        report_interruption()
    return ending


def is_ending() -> bool:
    """Return whether a signal has asked this process to end."""
    return _Stop.number is not None


def check_ending() -> None:
    """Raise if a signal has asked this process to end and a library has swallowed the interruption.

    Raises
    ------
    KeyboardInterrupt
    """
    if is_ending():
        raise KeyboardInterrupt


def report_interruption(message: str = INTERRUPTED) -> None:
    """Print once that the process was interrupted; only the first message is printed."""
    if not _Stop.reported:
        # A process that continues, such as a test runner, can be interrupted again.
        _Stop.reported = _Stop.guarded
        print(message, file=sys.stderr, flush=True)


def discard_output(*descriptors: int) -> None:
    """Send what is still written to these file descriptors, buffered text too, to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _stop(number: int, frame: FrameType | None) -> None:
    if _Stop.raised:
        os._exit(settle(128 + number))
    if _Stop.number is None:
        _Stop.number = number
    _raise_outside_imports(number, frame)


def _raise_outside_imports(_number: int, frame: FrameType | None) -> None:
    while frame is not None:
        if frame.f_code.co_filename == _MACHINERY:
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)
            return
        frame = frame.f_back
    signal.setitimer(signal.ITIMER_REAL, _SWALLOWED)
    if _Stop.raised and _is_handling_interruption():
        return
    _Stop.raised = True
    raise KeyboardInterrupt


def _is_handling_interruption() -> bool:
    """Return whether the interrupted code is in an except, finally or with block that handles an interruption."""
    error, seen = sys.exc_info()[1], set[int]()
    waiting = [error]
    while waiting:
        error = waiting.pop()
        if isinstance(error, KeyboardInterrupt):
            return True
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            waiting += [error.__context__, error.__cause__]
    return False


def interrupt_once(signals: Iterable[signal.Signals]) -> None:
    """Let the first signal interrupt the work; later signals do not disturb the clean-up."""
    signals, interrupted = tuple(signals), False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            raise KeyboardInterrupt

    for number in signals:
        signal.signal(number, interrupt)
    # The exiting interpreter restores the default handler, and a late signal would then look like a crash.
    atexit.register(lambda: [signal.signal(number, signal.SIG_IGN) for number in signals])
