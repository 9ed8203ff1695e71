"""Changed values: findings about a file that differs from the version recorded last."""

from __future__ import annotations

from dataclasses import replace

from market.findings import Finding
from market.panel import Panel
from operations.data.panel_frame import strip_unrecorded
from operations.data.revisions import difference
from operations.data.updating import versions_of
from pipeline.config import RunConfig
from pipeline.stages.loading import cut_at_holdout

CHECK = "changed since the last version"


def find_changed_values(config: RunConfig, source: str, panel: Panel) -> tuple[Finding, ...]:
    """Return a finding if the past of a source differs from the newest recorded version; none if nothing is recorded.

    Parameters
    ----------
    config : RunConfig
        Its output folder holds the versions.
    source : str
        What messages call it.
    panel : Panel
        What it holds now.
    """
    versions = versions_of(config)
    log = versions.log()
    if not log:
        return ()
    old = versions.read()
    data, sealed = config.data, cut_at_holdout(config)
    if data.start is not None:
        panel = panel.select_rows(slice(int(panel.dates.searchsorted(old.dates[0])), None))
    # Dates of a holdout were never recorded, and new dates change no past.
    panel = panel.as_of(old.dates[-1] if sealed is None else min(old.dates[-1], sealed))
    change = difference(old, replace(strip_unrecorded(panel), notes=old.notes))
    if not change.revises:
        return ()
    first = None if change.revised.empty else change.revised["date"].min()
    what = "; ".join(change.sentences())
    text = f"{source}: the past differs from version {log[-1].version}, recorded {log[-1].at[:16]}: {what}"
    if change.restates:
        return (Finding(CHECK, "note", None, first, text, "nothing: a later dividend or split explains it"),)
    fix = "ask the vendor why; tangency update --config FILE --accept-revisions records the new past"
    return (Finding(CHECK, "warning", None, first, text, fix),)
