"""Decisions: the outcome of each retraining and the succession of champions, in a chained file.

The file is authoritative. A new champion takes effect by one added line, which a killed process has written either
completely or not at all. MLflow's registry is synchronised with the file afterwards.
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
        The result, as a sentence without its full stop.
    """

    name: str
    passed: bool
    words: str


@dataclass(frozen=True)
class Decision:
    """The outcome of one retraining, promotion or rollback.

    Attributes
    ----------
    kind : {"promoted", "kept", "rolled back"}
    at : datetime
        Time of the decision, UTC.
    run : str
        Folder of the run that was judged; for a rollback, of the run that was given up.
    champion : str or None
        Folder of the champion after the decision.
    replaced : str or None
        Folder of the champion before the decision.
    identity : str
        Digest of configuration, data and code. A run with a known identity is not judged again.
    data_last : str
        Last date of the data, ISO.
    reason : str
        The reason in words.
    checks : tuple of Check
    files : mapping of str to str
        SHA-256 of the files of the judged run, by name. A champion with changed files is not used. Empty for a rollback
        and in decisions of earlier versions of Tangency.
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
        """Return the decision as an entry of the chain."""
        return asdict(self) | {"at": self.at.isoformat(timespec="seconds")}

    @staticmethod
    def of(entry: Entry) -> Decision:
        """Parse a decision from an entry of the chain."""
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
        """Return all decisions, oldest first.

        Raises
        ------
        LedgerError
            If a line was changed, left out or moved, or an anchor shows that lines are missing.
        """
        return [Decision.of(entry) for entry in self.chain.lines()]

    def judged(self, identity: str) -> Decision | None:
        """Return the decision about a retraining with this identity, or None."""
        return next((d for d in self.all() if d.identity == identity and d.kind != "rolled back"), None)

    def champion(self) -> Decision | None:
        """Return the decision that made the present champion, or None if there is no champion."""
        done = self.all()
        now = done[-1].champion if done else None
        return next((d for d in reversed(done) if d.champion != d.replaced and d.champion == now), None)

    def files_of(self, run: str) -> dict[str, str]:
        """Return the SHA-256 of a run's files by name, as recorded by the newest decision about the run."""
        recorded = (
            decision.files for decision in reversed(self.all()) if decision.run == run and decision.files
        )
        return dict(next(recorded, {}))

    def reigning(self) -> tuple[str, dt.datetime]:
        """Return the champion, and the time at which it became champion.

        Raises
        ------
        OperationsError
            If there is no champion.
        """
        decision = self.champion()
        if decision is None or decision.champion is None:
            raise OperationsError(f"{self.name} has no champion: {advise_on_champion(self.config)}")
        return decision.champion, decision.at

    def record(self, decision: Decision, others: Sequence[Decision]) -> None:
        """Append a decision that was made with knowledge of exactly the decisions in `others`.

        Raises
        ------
        OperationsError
            If another decision has been recorded since.
        """

        def unless_changed(entries: list[Entry]) -> list[Entry]:
            if len(entries) != len(others):
                raise OperationsError(f"{self.name}: another decision was made meanwhile; try again")
            return [decision.entry()]

        self.chain.extend(unless_changed)

    def roll_back(self, now: dt.datetime, why: str) -> Decision:
        """Make the previous champion the champion again, and return the decision.

        Raises
        ------
        OperationsError
            If there is no previous champion.
        """
        done = self.all()
        line = succession(done)
        if len(line) < 2:
            no_champion = f"there is no champion; {advise_on_champion(self.config)}"
            explanation = f"{line[0]} is the first champion" if line else no_champion
            raise OperationsError(f"{self.name}: nothing to go back to: {explanation}")
        last = done[-1]
        decision = Decision("rolled back", now, line[-1], line[-2], line[-1], "", last.data_last, why)
        self.record(decision, done)
        return decision


def succession(decisions: Sequence[Decision]) -> list[str]:
    """Return the champions in order, the present one last, without those that were rolled back."""
    line: list[str] = []
    for decision in decisions:
        if decision.kind == "promoted":
            line.append(decision.run)
        elif decision.kind == "rolled back":
            line.pop()
    return line
