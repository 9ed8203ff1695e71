"""Decisions: what became of each retraining, and what is champion since when, in a chained file.

The file is the truth. A champion is changed by adding one line, which a process that is killed has either written
whole or not at all; MLflow's registry is made to agree with it afterwards.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from operations.champion.run_files import advise_on_champion
from operations.errors import OperationsError
from operations.state_dir import state_dir
from pipeline.chains.chain import Chain, Entry
from pipeline.config import RunConfig

Kind = Literal["promoted", "kept", "rolled back"]


@dataclass(frozen=True)
class Check:
    """One condition of the gate.

    Attributes
    ----------
    name : str
    passed : bool
    words : str
        What was found, as a sentence without its full stop.
    """

    name: str
    passed: bool
    words: str


@dataclass(frozen=True)
class Decision:
    """What became of one retraining or rollback.

    Attributes
    ----------
    kind : {"promoted", "kept", "rolled back"}
    at : datetime
        In UTC.
    run : str
        Folder of the run that was judged; of a rollback, the run that was given up.
    champion : str or None
        Folder of the run that is champion from now on.
    replaced : str or None
        That which was champion before.
    identity : str
        Digest of configuration, data and code: what need not be judged twice.
    data_last : str
        Last date of the data, ISO.
    reason : str
        In words.
    checks : tuple of Check
    files : mapping of str to str
        SHA-256 of the files of the run that was judged, by name. A champion whose files have changed is not used.
        Empty where a run was given up, and in decisions of earlier versions.
    """

    kind: Kind
    at: dt.datetime
    run: str
    champion: str | None
    replaced: str | None
    identity: str
    data_last: str
    reason: str
    checks: tuple[Check, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def entry(self) -> Entry:
        """Return the decision for the chain."""
        return asdict(self) | {"at": self.at.isoformat(timespec="seconds")}

    @staticmethod
    def of(entry: Entry) -> Decision:
        """Return the decision of a line of the chain."""
        known: dict[str, Any] = entry | {
            "at": dt.datetime.fromisoformat(entry["at"]),
            "checks": tuple(Check(**check) for check in entry["checks"]),
        }
        return Decision(**known)


class Decisions:
    """All decisions about one configuration.

    Parameters
    ----------
    config : RunConfig
    """

    def __init__(self, config: RunConfig) -> None:
        self.chain = Chain(state_dir(config) / "decisions.jsonl", config.output)
        self.config = config
        self.name = config.name

    def all(self) -> list[Decision]:
        """Return all decisions, in their order.

        Raises
        ------
        LedgerError
            If a line was changed, left out or moved, or an anchor shows that lines are missing.
        """
        return [Decision.of(entry) for entry in self.chain.lines()]

    def judged(self, identity: str) -> Decision | None:
        """Return the decision about a retraining of this configuration, data and code, if there is one."""
        return next((d for d in self.all() if d.identity == identity and d.kind != "rolled back"), None)

    def champion(self) -> Decision | None:
        """Return the decision by which the present champion became it, or None if there is no champion."""
        done = self.all()
        now = done[-1].champion if done else None
        return next((d for d in reversed(done) if d.champion != d.replaced and d.champion == now), None)

    def files_of(self, run: str) -> dict[str, str]:
        """Return the SHA-256 of the files of a run by name, as the newest decision about it recorded them."""
        found = (
            decision.files for decision in reversed(self.all()) if decision.run == run and decision.files
        )
        return dict(next(found, {}))

    def reigning(self) -> tuple[str, dt.datetime]:
        """Return the champion and since when it is.

        Raises
        ------
        OperationsError
            If there is none.
        """
        decision = self.champion()
        if decision is None or decision.champion is None:
            raise OperationsError(f"{self.name} has no champion: {advise_on_champion(self.config)}")
        return decision.champion, decision.at

    def record(self, decision: Decision, others: Sequence[Decision]) -> None:
        """Add a decision made in the knowledge of others, and of no more.

        Raises
        ------
        OperationsError
            If another decision has been made since.
        """

        def unless_changed(entries: list[Entry]) -> list[Entry]:
            if len(entries) != len(others):
                raise OperationsError(f"{self.name}: another decision was made meanwhile; try again")
            return [decision.entry()]

        self.chain.extend(unless_changed)

    def roll_back(self, now: dt.datetime, why: str) -> Decision:
        """Give the championship back to the run that had it before, and return the decision.

        Raises
        ------
        OperationsError
            If there is no champion before the present one.
        """
        done = self.all()
        line = succession(done)
        if len(line) < 2:
            none = f"there is no champion; {advise_on_champion(self.config)}"
            told = f"{line[0]} is the first champion" if line else none
            raise OperationsError(f"{self.name}: nothing to go back to: {told}")
        last = done[-1]
        decision = Decision("rolled back", now, line[-1], line[-2], line[-1], "", last.data_last, why)
        self.record(decision, done)
        return decision


def succession(decisions: Sequence[Decision]) -> list[str]:
    """Return the champions that led to the present one, which is the last; those rolled back are not among them."""
    line: list[str] = []
    for decision in decisions:
        if decision.kind == "promoted":
            line.append(decision.run)
        elif decision.kind == "rolled back":
            line.pop()
    return line
