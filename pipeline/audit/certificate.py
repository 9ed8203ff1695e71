"""Certificate: what was checked for looking ahead, and what was found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

SCHEMA = 2

Kind = Literal["look-ahead", "unit"]
"""What was found: something knew what it could not know, or depends on the unit of prices or volumes."""


@dataclass(frozen=True)
class Leak:
    """The first thing that knew what it could not know.

    Attributes
    ----------
    world : str
        What was changed: "removed" (all after the cut), "replaced" (by noise), "reread" (the file up to the cut), the
        rule that was broken, or, of the kind unit, what was stated in other units: "prices", "volumes" or both.
    cut : str
        Date of the cut; for a rule, that of the first breach.
    stage, name : str
        The first stage that changed, in the order of the pipeline, and what in it.
    date : str
        First date at which it differs.
    where : mapping of str to str
        Column and asset, as far as it has them.
    before, after : str
        The value in the run, and in the other world.
    columns : tuple of str
        All columns of the stage that changed, at most ten.
    kind : {"look-ahead", "unit"}
    """

    world: str
    cut: str
    stage: str
    name: str
    date: str
    where: tuple[str, ...]
    before: str
    after: str
    columns: tuple[str, ...] = ()
    kind: Kind = "look-ahead"

    def __str__(self) -> str:
        """Say it in one sentence."""
        if self.kind == "unit":
            return self._on_unit()
        place = f" of {', '.join(self.where)}" if self.where else ""
        others = f"; columns that changed: {', '.join(self.columns)}" if len(self.columns) > 1 else ""
        return (
            f"{self.stage}: {self.name}{place} at {self.date} was {self.before} and became {self.after} "
            f"{HOW.get(self.world, self.world)} {self.cut}{others}"
        )

    def _on_unit(self) -> str:
        """Say which feature depends on which unit."""
        column, *rest = self.where or (self.name,)
        place = f" of {', '.join(rest)}" if rest else ""
        others = f"; features that depend on it: {', '.join(self.columns)}" if len(self.columns) > 1 else ""
        return (
            f"{self.stage}: {column}{place} at {self.date} was {self.before} and became {self.after} when past "
            f"{self.world} were stated in other units{others}"
        )


HOW = {
    "removed": "when everything after it was removed, cut at",
    "replaced": "when everything after it was replaced by noise, cut at",
    "reread": "when the file was read only as far as",
}


@dataclass(frozen=True)
class Certificate:
    """What was checked in one run.

    Attributes
    ----------
    record : mapping
        Hashes and versions of the run.
    seed : int
        Of the noise.
    cuts : tuple of mapping
        Date, row, and how far the pipeline was run: "portfolios" is all of it.
    checked : tuple of mapping
        For each stage: number of values of the run that were compared at the last cut, and the SHA-256 of what the run
        made.
    rules : tuple of mapping
        Rules that were checked from first principles, and how often.
    leaks : tuple of Leak
        Empty if the run is clean.
    """

    record: Mapping[str, Any]
    seed: int
    cuts: tuple[Mapping[str, Any], ...]
    checked: tuple[Mapping[str, Any], ...]
    rules: tuple[Mapping[str, Any], ...]
    leaks: tuple[Leak, ...] = field(default=())

    @property
    def clean(self) -> bool:
        """Whether nothing looked ahead or depends on a unit."""
        return not self.leaks

    @property
    def not_compared(self) -> tuple[str, ...]:
        """Kinds of stages of which no value was known by any cut: an evaluation of a few dates leaves no room."""
        kinds = dict.fromkeys(item["stage"].split()[0] for item in self.checked)
        seen = {item["stage"].split()[0] for item in self.checked if item["values"]}
        return tuple(kind for kind in kinds if kind not in seen)

    @property
    def verdict(self) -> str:
        """Say "clean", "leak" if something looked ahead, or "unit" if all that was found depends on a unit."""
        if self.clean:
            return "clean"
        return "unit" if all(leak.kind == "unit" for leak in self.leaks) else "leak"

    def brief(self) -> dict[str, Any]:
        """Return what a summary says of the certificate."""
        whole = self.as_dict()
        return {
            "verdict": whole["verdict"],
            "cuts": [cut["date"] for cut in self.cuts],
            "compared": sum(item["values"] for item in self.checked),
            "not_compared": list(self.not_compared),
            "digest": whole["digest"],
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the certificate for JSON, with the SHA-256 of all else under "digest"."""
        content = {"schema": SCHEMA, "verdict": self.verdict, **asdict(self)}
        text = json.dumps(content, sort_keys=True, default=list)
        return content | {"digest": hashlib.sha256(text.encode()).hexdigest()}
