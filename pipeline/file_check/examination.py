"""Examination: what a file of prices or returns holds, and everything that the checks find in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from market.checks.checklist import list_findings
from market.checks.fixes import IN_MESSAGE, add_fix
from market.checks.value_kind import infer_value_kind
from market.errors import DataError, SourceError
from market.findings import IGNORED_COLUMN, INTERPRETATION, Finding, ValueKind
from market.readers.prices import FileSettings, read_inputs
from market.sources.opening import OpenedSource, open_source
from market.values.inputs import PanelInputs
from pipeline.file_check.request import FileRequest

MOST_MISSING = 100_000
"""Missing cells that the answer lists; a finding gives the number of all if there are more."""
_IGNORED = (IGNORED_COLUMN, "column left out", "columns not used")
"""Checks whose findings name columns that are not read."""
_EXIT_CODES = {"note": 0, "warning": 1, "fatal": 2}


@dataclass(frozen=True, eq=False)
class Examination:
    """A file as it was read, and its findings.

    Attributes
    ----------
    label : str
        The file, as the user names it, or what messages call the source.
    settings : FileSettings
        How it was read; its values are those that were inferred if no setting said them.
    inferred : bool
        Whether the kind of the values was inferred.
    inputs : PanelInputs or None
        The values; None if the file cannot be read.
    findings : tuple of Finding
        Fatal ones are not raised.
    """

    label: str
    settings: FileSettings
    inferred: bool
    inputs: PanelInputs | None
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """0 without findings or with notes, 1 with warnings, 2 with fatal findings."""
        return max((_EXIT_CODES[finding.severity] for finding in self.findings), default=0)

    @property
    def dates(self) -> pd.DatetimeIndex:
        """Dates of the rows, length T; none if the file cannot be read."""
        return pd.DatetimeIndex([]) if self.inputs is None else self.inputs.grid.dates

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of the assets, length N."""
        return () if self.inputs is None else self.inputs.assets

    @property
    def frequency(self) -> str | None:
        """How often the file is observed, such as "daily"; None if its dates do not show it."""
        try:
            return None if self.inputs is None else self.inputs.table.frequency.name.partition(",")[0]
        except DataError:
            return None

    @property
    def values(self) -> Any:
        """Prices, or returns as fractions, shape (T, N)."""
        if self.inputs is None:
            return np.empty((0, 0))
        grid = self.inputs.grid
        return grid.values[:, [grid.names.index(name) for name in self.assets]]

    def last_values(self) -> dict[str, float]:
        """Return the last value of each asset that has one."""
        values = self.values
        known = np.isfinite(values)
        last = len(values) - 1 - np.argmax(known[::-1], axis=0) if len(values) else np.zeros(0, dtype=int)
        return {
            name: float(values[last[column], column])
            for column, name in enumerate(self.assets)
            if known[:, column].any()
        }

    def missing(self) -> list[str]:
        """Return the cells without a value as "asset date", by date, `MOST_MISSING` at most."""
        rows, columns = np.nonzero(np.isnan(self.values))
        stamps = self.dates.strftime("%Y-%m-%d")
        cells = zip(rows[:MOST_MISSING].tolist(), columns[:MOST_MISSING].tolist(), strict=True)
        return [f"{self.assets[column]} {stamps[row]}" for row, column in cells]

    def as_dict(self) -> dict[str, Any]:
        """Return the answer of `tangency check --json`; docs/checks.md documents its keys."""
        dates = self.dates
        return {
            "kind": None if self.inputs is None else self.inputs.kind,
            "frequency": self.frequency,
            "assets": list(self.assets),
            "rows": len(dates),
            "first": f"{dates[0]:%Y-%m-%d}" if len(dates) else None,
            "last": f"{dates[-1]:%Y-%m-%d}" if len(dates) else None,
            "last_values": self.last_values(),
            "missing": self.missing(),
            "interpretations": [describe_finding(f) for f in self.findings if f.check == INTERPRETATION],
            "ignored_columns": [f.asset or f.message for f in self.findings if f.check in _IGNORED],
            "findings": [finding.as_dict() for finding in self.findings],
        }


def report_unreadable(label: str, error: DataError) -> Examination:
    """Return the examination of data that cannot be read, with the reason as its findings."""
    return Examination(label, FileSettings(), False, None, tuple(map(add_fix, list_reasons(error))))


def list_reasons(error: DataError) -> tuple[Finding, ...]:
    """Return why data cannot be read: the findings of an error, or its message as one."""
    return getattr(error, "findings", ()) or (_unreadable(str(error)),)


def examine_file(request: FileRequest) -> Examination:
    """Read a file and run all checks on it; what a run would refuse is a fatal finding here.

    If no setting says what the values are, their kind is inferred, and a note says which setting a run needs.
    """
    label, inferred = request.source.label, not request.values_given
    try:
        with open_source(request.source, request.fetch) as opened:
            settings, inputs, findings = _examine_opened(request, opened)
            findings = [replace(f, message=opened.restore_labels(f.message)) for f in findings]
    except DataError as error:
        settings, inputs, findings = request.settings, None, [_unreadable(str(error))]
    return Examination(label, settings, inferred, inputs, tuple(map(add_fix, findings)))


def _unreadable(text: str) -> Finding:
    return Finding("unreadable", "fatal", None, None, text)


def _examine_opened(
    request: FileRequest, opened: OpenedSource
) -> tuple[FileSettings, PanelInputs | None, list[Finding]]:
    """Return how the files of a source were read, their values unless they cannot be read, and all findings."""
    paths = [file.path for file in opened.files]
    label = str(paths[0]) if len(paths) == 1 else opened.label
    read = partial(read_inputs, label, paths, start=request.start, end=request.end)
    settings, notes = request.settings, list[Finding]()
    try:
        if request.values_given:
            inputs = read(settings)
        else:
            settings, inputs, notes = _read_inferred(label, settings, read)
    except DataError as error:
        found = list_reasons(error)
        return request.settings, None, [*opened.findings, *found]
    found = (*opened.findings, *notes, *inputs.grid.findings, *list_findings(inputs), *_note_missing(inputs))
    return settings, inputs, list(found)


def _read_inferred(
    label: str, settings: FileSettings, read: Callable[[FileSettings], PanelInputs]
) -> tuple[FileSettings, PanelInputs, list[Finding]]:
    """Read a file as prices or as returns, whichever its columns and values show."""
    kind: ValueKind = "prices"
    why = ""
    try:
        inputs = read(settings)
    except SourceError as error:
        # A long table may have a column of returns alone.
        try:
            inputs = read(replace(settings, values="returns"))
        except DataError:
            raise error from None
        kind, why = "returns", "no column holds prices, and one holds returns"
    try:
        inferred, reason = infer_value_kind(inputs.table)
    except DataError:
        inferred, reason = "prices", ""  # too few dates to tell; the checks say so
    if inferred != "prices":
        kind, why = inferred, ", and ".join(filter(None, (why, reason)))
    if kind == "prices":
        return settings, inputs, []
    settings = replace(settings, values=kind)
    text = f"{label}: values read as {describe_values(settings)}: {why}"
    note = Finding(INTERPRETATION, "note", None, None, text, f"a configuration needs data.values: {kind}")
    del inputs  # as large as the file
    return settings, read(settings), [note]


def describe_values(settings: FileSettings) -> str:
    """Return what the values of a file are, with their unit."""
    if settings.kind == "prices":
        return "prices"
    return "returns in percent" if settings.is_percent else "returns, as fractions"


def describe_finding(finding: Finding) -> str:
    """Return a finding with what to do about it, unless its message says so."""
    return finding.message if finding.fix == IN_MESSAGE else finding.text


def _note_missing(inputs: PanelInputs) -> list[Finding]:
    """Note that more cells are missing than the answer lists."""
    count = int(np.isnan(inputs.grid.values).sum())
    if count <= MOST_MISSING:
        return []
    text = f"{inputs.source}: {count:,} cells have no value; the first {MOST_MISSING:,} are listed"
    return [Finding("many missing values", "note", None, None, text)]
