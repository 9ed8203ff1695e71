"""Common code of all fuzzers: cases, faults, endings, and checks of messages.

A fuzzer is a module beside this one with

    def mutate(rng: np.random.Generator, folder: Path) -> Case      create one input below `folder`
    def check(case: Case) -> Fault | None                           use the input, and judge the ending

`check` calls `record_ending` once, so that the driver can count the endings. Any exception that it raises is a fault.
"""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST_MESSAGE = 1500
"""Largest number of characters of a message that a user can be expected to read."""

SHORT = 72
"""Number of leading characters by which similar messages are counted."""


@dataclass(frozen=True)
class Case:
    """One mutated input.

    Attributes
    ----------
    kind : str
        Name of the fuzzer, such as "prices".
    description : str
        The input and its mutations, in words.
    path : Path or None
        File to read, if the input is a file.
    payload : object
        The input if it is not a file, or further data for `check`, such as the true content.
    seed : int
        Seed of the generator that created the case; the driver sets it.
    """

    kind: str
    description: str
    path: Path | None = None
    payload: Any = None
    seed: int = 0


@dataclass(frozen=True)
class Fault:
    """One case that ended incorrectly.

    Attributes
    ----------
    kind : str
        "traceback", "hang", "crash", "memory", "silent difference", "long message", ...
    text : str
        The actual and the expected ending.
    """

    kind: str
    text: str


class _Endings:
    """The ending of the case that is being checked in this process."""

    current = ""


def record_ending(text: str) -> None:
    """Record the ending of the current case, such as "read" or "refused: ..."."""
    _Endings.current = text


def take_ending() -> str:
    """Return the recorded ending, and clear it."""
    text, _Endings.current = _Endings.current or "passed", ""
    return text


def describe_traceback(error: BaseException) -> Fault:
    """Return the fault of an unexpected exception: its type, its message and the innermost frames."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    return Fault("traceback", f"{type(error).__name__}: {str(error)[:500]} [{places}]")


def check_message(text: str, *, lines: int = 1) -> Fault | None:
    """Return a fault if a message for a user is empty, too long, has too many lines, or shows a stack trace."""
    if not text.strip():
        return Fault("empty message", "a refusal without a reason")
    if len(text) > LONGEST_MESSAGE:
        return Fault("long message", f"{len(text)} characters: {text[:300]} ...")
    if len(text.strip().splitlines()) > lines:
        return Fault(
            "long message", f"{len(text.splitlines())} lines, expected at most {lines}: {text[:300]}"
        )
    if "Traceback (most recent call last)" in text:
        return Fault("traceback", text[-500:])
    return None


def shorten_message(text: str, *names: str) -> str:
    """Return a message without paths, quoted texts, numbers and dates, so that similar messages count as one.

    Parameters
    ----------
    text : str
    *names : str
        Further texts that differ between cases.
    """
    for name in names:
        text = text.replace(name, "#")
    text = re.sub(r"'[^']*'|\"[^\"]*\"", "'...'", text)
    text = re.sub(r"\S*/\S+", "#", text)
    return re.sub(r"[-+]?\d[\d.,:e+-]*%?", "#", " ".join(text.split()))[:SHORT]
