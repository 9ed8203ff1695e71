"""Ledger: every configuration ever tried and every unsealing, in an append-only file."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.chains.chain import Chain, Entry
from pipeline.chains.data_identity import same_data
from pipeline.chains.heads import LEDGER, REPAIRS
from pipeline.errors import FileKindError


@dataclass(frozen=True)
class Trials:
    """Trials on the same data, or under the name of one configuration.

    Attributes
    ----------
    entries : mapping of str to Entry
        The newest entry of each trial, by its id, in the order of their first entries.
    unsealings : tuple of Entry
    on_holdout : bool
        Whether a holdout is judged.
    lost : int
        Lines that ledgers have lost, as repairs recorded. Their content is unknown, so each counts as a configuration.
    """

    entries: Mapping[str, Entry]
    unsealings: tuple[Entry, ...]
    on_holdout: bool = False
    lost: int = 0

    @property
    def configurations(self) -> int:
        """Number of configurations; those with the same forecasts and returns on the same data count once."""
        return len(self.distinct()) + self.lost

    @property
    def tunings(self) -> int:
        """Number of tuning trials inside the configurations."""
        return sum(int(entry.get("tunings", 0)) for entry in self.distinct())

    @property
    def looks(self) -> int:
        """Number of times that results on the judged dates have been seen.

        Results on a holdout are seen at each unsealing, and by each configuration that was run without the seal.
        """
        return max(1, self.configurations + (len(self.unsealings) if self.on_holdout else 0))

    @property
    def count(self) -> int:
        """Number of all trials, at least 1: looks, and tuning trials, which see only training windows."""
        return self.looks if self.on_holdout else max(1, self.configurations + self.tunings)

    def of_holdout(self, holdout: dt.date) -> Trials:
        """Return the trials by which a verdict on the holdout is corrected: those that read any of it."""
        read = {key: e for key, e in self.entries.items() if e.get("last", "") >= holdout.isoformat()}
        return replace(self, entries=read, on_holdout=True)

    def distinct(self) -> list[Entry]:
        """Return one entry per configuration with forecasts or returns of its own."""
        return list({(e["data"], e["returns"]): e for e in self.entries.values()}.values())

    def without(self, ident: str) -> str:
        """Return a digest of all trials except one: the verdict on that one depends on them too."""
        others = {key: entry for key, entry in self.entries.items() if key != ident}
        text = json.dumps([others, len(self.unsealings), *([self.lost] if self.lost else [])], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


class Ledger(Chain):
    """The chained file of all trials.

    Parameters
    ----------
    path : Path
        In the output folder, whose other files hold its anchors.
    others : iterable of Path
        Ledgers of other output folders. The sound lines that concern the same data are counted. Nothing is written to
        these ledgers, and damage to them is not an error.
    """

    def __init__(self, path: Path, others: Iterable[Path] = ()) -> None:
        super().__init__(path, path.parent)
        self.others = tuple(others)

    def add(self, entries: Iterable[Entry]) -> int:
        """Append entries and return the number of new ones; each needs "kind", "experiment" and "id".

        An entry that equals the newest one with its kind, experiment and id, apart from its time, is not added again.
        """

        def unknown(known: list[Entry]) -> list[Entry]:
            newest = {trial_name(entry): _content(entry) for entry in known}
            return [entry for entry in entries if newest.get(trial_name(entry)) != _content(entry)]

        return len(self.extend(unknown))

    def shared(self, experiment: str) -> list[Entry]:
        """Return the entries of a configuration to share with other machines: newest per trial, and all unsealings."""
        mine = (entry for entry in self.lines() if entry["experiment"] == experiment)
        return list({trial_name(entry): entry for entry in mine}.values())

    def trials(self, experiment: str, data: str | None = None) -> Trials:
        """Return the trials on the same data, or under the name of a configuration.

        Parameters
        ----------
        experiment : str
            Name of the configuration. Entries written before entries recorded their data are found only by this name.
        data : str, optional
            Sketch of the data (`pipeline.chains.data_identity`).
        """
        counted = [e for path in self.others for e in _read_sound(path)[0] if trials_of_data(e, data)]
        repairs, mine = self._repairs(), self.lines()
        mine += lacking(mine, [e for each in repairs for e in each.get("restored", ())])  # of a killed repair
        counted += [e for e in mine if e["experiment"] == experiment or trials_of_data(e, data)]
        tried: dict[str, Entry] = {}
        for entry in counted:
            if entry["kind"] == "trial":
                # Data that was cut afterwards has still been read.
                read = [e["last"] for e in (entry, tried.get(entry["id"], {})) if "last" in e]
                tried[entry["id"]] = entry | ({"last": max(read)} if read else {})
        unsealed = {entry["id"]: entry for entry in counted if entry["kind"] == "unsealing"}
        return Trials(tried, tuple(unsealed.values()), lost=sum(int(each["lost"]) for each in repairs))

    def damaged_others(self) -> list[Path]:
        """Return the ledgers of other output folders that can be read only in part or not at all."""
        return [path for path in self.others if not _read_sound(path)[1]]

    def _repairs(self) -> list[Entry]:
        """Return the repairs of this ledger, as its output folder recorded them."""
        repairs = Chain(self.path.with_name(REPAIRS)).lines()
        return [entry for entry in repairs if entry["chain"] == self.path.name == LEDGER]


def _read_sound(path: Path) -> tuple[list[Entry], bool]:
    """Return the sound entries of another folder's ledger, and whether they are all.

    Its anchors are not compared: the commands that work in that folder check whether it lost lines.
    """
    try:
        entries, _, whole = Chain(path).sound_part()
    except (OSError, FileKindError):
        return [], False
    return entries, whole


def trials_of_data(entry: Entry, data: str | None) -> bool:
    """Return whether an entry is about the data of a sketch."""
    return data is not None and "sketch" in entry and same_data(entry["sketch"], data)


def trial_name(entry: Entry) -> tuple[str, str, str]:
    """Return the key of an entry; of several entries with one key the newest counts."""
    return entry["kind"], entry["experiment"], entry["id"]


def lacking(entries: Iterable[Entry], known: Iterable[Entry]) -> list[Entry]:
    """Return the known entries whose content `entries` lacks, unless it has a newer one with the same key."""
    there = list(entries)
    missing: list[Entry] = []
    for entry in known:
        named = [each for each in there if trial_name(each) == trial_name(entry)]
        if all(_content(each) != _content(entry) and _at(each) <= _at(entry) for each in named):
            missing.append(entry)
            there.append(entry)
    return missing


def _at(entry: Entry) -> str:
    return str(entry.get("at", ""))


def _content(entry: Entry) -> Entry:
    return {key: value for key, value in entry.items() if key not in ("at", "previous", "hash")}
