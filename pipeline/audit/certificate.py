"""Certificate: the look-ahead checks of a run and their findings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

SCHEMA = 2

Kind = Literal["look-ahead", "unit"]
"""Kind of finding: look-ahead, or dependence on the unit of prices or volumes."""


@dataclass(frozen=True)
class Leak:
    """The first value that used information from the future.

    Attributes
    ----------
    world : str
        The change: "removed" (all data after the cut), "replaced" (by noise), "reread" (the file up to the cut), the
        broken rule, or, for the kind "unit", the rescaled data: "prices", "volumes" or both.
    cut : str
        Date of the cut; for a rule, date of the first breach.
    stage, name : str
        First stage that changed, in pipeline order, and the changed value.
    date : str
        First date at which it differs.
    where : mapping of str to str
        Column and asset, where applicable.
    before, after : str
        Value in the run, and in the other world.
    columns : tuple of str
        Changed columns of the stage, at most ten.
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
        """Describe the leak in one sentence."""
        if self.kind == "unit":
            return self._on_unit()
        place = f" of {', '.join(self.where)}" if self.where else ""
        others = f"; columns that changed: {', '.join(self.columns)}" if len(self.columns) > 1 else ""
        return (
            f"{self.stage}: {self.name}{place} at {self.date} was {self.before} and became {self.after} "
            f"{HOW.get(self.world, self.world)} {self.cut}{others}"
        )

    def _on_unit(self) -> str:
        """Describe which feature depends on which unit."""
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
    """Checks of one run and their findings.

    Attributes
    ----------
    record : mapping
        Hashes and versions of the run.
    seed : int
        Seed of the noise.
    cuts : tuple of mapping
        Date, row, and how far the pipeline was rerun; "portfolios" means all of it.
    checked : tuple of mapping
        For each stage: number of values compared at the last cut, and the SHA-256 of the run's values.
    rules : tuple of mapping
        Rules checked from first principles, and the number of checks.
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
        """Kinds of stages without a value known at any cut, which happens if the evaluation has only a few dates."""
        kinds = dict.fromkeys(item["stage"].split()[0] for item in self.checked)
        seen = {item["stage"].split()[0] for item in self.checked if item["values"]}
        return tuple(kind for kind in kinds if kind not in seen)

    @property
    def verdict(self) -> str:
        """Return "clean", "leak" if a value looked ahead, or "unit" if the only findings are dependences on a unit."""
        if self.clean:
            return "clean"
        return "unit" if all(leak.kind == "unit" for leak in self.leaks) else "leak"

    def brief(self) -> dict[str, Any]:
        """Return the entry of the certificate in a summary."""
        whole = self.as_dict()
        return {
            "verdict": whole["verdict"],
            "cuts": [cut["date"] for cut in self.cuts],
            "compared": sum(item["values"] for item in self.checked),
            "not_compared": list(self.not_compared),
            "digest": whole["digest"],
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the certificate for JSON, with the SHA-256 of all other entries under "digest"."""
        content = {"schema": SCHEMA, "verdict": self.verdict, **asdict(self)}
        text = json.dumps(content, sort_keys=True, default=list)
        return content | {"digest": hashlib.sha256(text.encode()).hexdigest()}
