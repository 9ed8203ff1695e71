"""Updating: new dates into the store of data, and whatever was computed of the old ones brought forward."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from foundation.counts import format_count
from market.findings import Finding
from market.panel import Panel
from operations.data.version import Version
from operations.data.versions import Recorded, Versions
from operations.state_dir import state_dir
from pipeline.config import RunConfig
from pipeline.progress import Reporter
from pipeline.runner.keys import FEATURES, MODEL, REGIMES, features_key, fitting_key, walk_key
from pipeline.settings.models import Fitted
from pipeline.stages.loading import Loaded, cut_at_holdout, load_data
from pipeline.store import Store


@dataclass(frozen=True)
class Updated:
    """What an update found and did.

    Attributes
    ----------
    recorded : Recorded
        The newest version of the data, and what came with it.
    panel : Panel
    continued : int or None
        The version from whose stages it was gone on; None if nothing had to be done or nothing was stored.
    """

    recorded: Recorded
    panel: Panel
    continued: int | None


def versions_of(config: RunConfig) -> Versions:
    """Return the versions of a configuration's data."""
    return Versions(state_dir(config) / "data", config.output)


def update(
    config: RunConfig, reporter: Reporter, *, now: dt.datetime, accept_revisions: bool = False
) -> Updated:
    """Record what the source says now, and go on with what was computed of what it said before.

    Features, regimes and models' walks that are stored for an earlier version are continued: what they say of past
    dates stays, to the last bit, and the next run finds them as if it had made them itself. Nothing new does nothing;
    an update that was interrupted is finished by the next.

    Parameters
    ----------
    config : RunConfig
    reporter : Reporter
    now : datetime
        With a time zone. The source is read as if it ended then, and before the holdout while that is sealed.
    accept_revisions : bool
        Record it also if the source rewrites the past.

    Raises
    ------
    RevisedError
        If the source rewrites the past and that is not accepted.
    DataError
        If the new data contradicts itself.
    """
    known_by = known_until(config, now)
    loaded = load_data(config, reporter, known_by=known_by)
    return take_in(config, reporter, loaded, now=now, accept_revisions=accept_revisions)


def is_behind(config: RunConfig, panel: Panel) -> bool:
    """Whether a panel ends before the newest version: it was loaded as of a date that has passed."""
    log = versions_of(config).log()
    return bool(log) and panel.dates[-1] < pd.Timestamp(log[-1].last)


def take_in(
    config: RunConfig, reporter: Reporter, loaded: Loaded, *, now: dt.datetime, accept_revisions: bool = False
) -> Updated:
    """Record data that was loaded as of now, and go on with what was computed of what was there: see `update`."""
    panel, findings = loaded
    known_by = known_until(config, now)
    versions = versions_of(config)
    recorded = versions.record(
        replace(panel, scores=None),  # they have clocks and a file of their own
        config.data.model_dump(mode="json", exclude_none=True),
        now=now,
        known_by=known_by,
        accept_revisions=accept_revisions,
    )
    _tell(recorded, findings, reporter)
    store, log = Store(config.output / "store"), versions.log()
    from_version = _earlier(config, store, log)
    if from_version is not None:
        _bring_forward(config, store, reporter, (panel, findings), from_version)
        # Each version's features are as large as all of them: what two versions have gone on from is let go.
        for old in log[: from_version.version - 1]:
            for stage, key in _stages(config, old):
                store.forget(stage, key)
    elif not _is_made(config, store, recorded.version):
        reporter.line("stages", "nothing is stored to go on from: the next run makes them")
    return Updated(recorded, panel, None if from_version is None else from_version.version)


def known_until(config: RunConfig, now: dt.datetime) -> pd.Timestamp:
    """Return until when the source may be read; dates of sources have no time zone."""
    stamp = pd.Timestamp(now.astimezone(dt.UTC)).tz_localize(None)
    sealed = cut_at_holdout(config)
    return stamp if sealed is None else min(stamp, sealed)


def _tell(recorded: Recorded, findings: Sequence[Finding], reporter: Reporter) -> None:
    version, change = recorded.version, recorded.difference
    if change is None:
        reporter.line("new data", f"none since version {version.version}, of {version.at}")
        return
    reporter.line("new data", line_of(version))
    for sentence in change.sentences() if change.revises else ():
        reporter.line("", sentence)
    since = None if recorded.before is None else pd.Timestamp(recorded.before.last)
    for finding in findings:
        fresh = since is not None and finding.date is not None and finding.date > since
        if fresh and finding.severity != "note":
            reporter.warn(finding.message)


def line_of(version: Version) -> str:
    """Return a version in one line."""
    came = [format_count(version.dates_new, "new date")]
    for what, names in (("new", version.assets_new), ("gone", version.assets_gone)):
        if names:
            came.append(f"{what}: {', '.join(names)}")
    if any(version.revised.values()):
        came.append("of the past " + ", ".join(f"{n} {kind}" for kind, n in version.revised.items() if n))
    return (
        f"version {version.version} ({version.kind}): {'; '.join(came)}; "
        f"{format_count(version.dates, 'date')} x {format_count(version.assets, 'asset')} to {version.last[:10]}"
    )


def _earlier(config: RunConfig, store: Store, log: Sequence[Version]) -> Version | None:
    """Return the newest version that the last one only goes on from, and whose features are stored.

    None if all stages of the last one are there already. A revision, or another universe, changes the past of all that
    is made of the data.
    """
    if _is_made(config, store, log[-1]):
        return None
    for later, version in zip(reversed(log[1:]), reversed(log[:-1]), strict=True):
        if later.kind != "append" or later.assets_new:
            return None
        if store.holds(FEATURES, features_key(config, version.digest)):
            return version
    return None


def _is_made(config: RunConfig, store: Store, version: Version) -> bool:
    """Whether all stages are stored that an update goes on with."""
    return all(store.holds(stage, key) for stage, key in _stages(config, version))


def _stages(config: RunConfig, version: Version) -> list[tuple[str, str]]:
    """Return stage and key of all that an update goes on with."""
    fitting = fitting_key(config, version.digest)
    walks = [(MODEL, walk_key(fitting, *named)) for named in _continued(config).items()]
    return [(FEATURES, features_key(config, version.digest)), (REGIMES, fitting), *walks]


def _bring_forward(
    config: RunConfig,
    store: Store,
    reporter: Reporter,
    loaded: Loaded,
    from_version: Version,
) -> None:
    """Make the stages of the newest version from those of an earlier one."""
    from pipeline.runner.pipeline import Pipeline  # models and solvers: not needed where nothing is new

    pipeline = Pipeline(config, store, reporter, earlier=from_version.digest)
    pipeline.fit(pipeline.prepare(loaded), _continued(config))
    for name in config.fitted_models().keys() - _continued(config).keys():
        reporter.line(f"{MODEL} {name}", "is tuned: left to the next run, which searches again")


def _continued(config: RunConfig) -> dict[str, Fitted]:
    """Return the models that are gone on with: a search for parameters is no matter of an update."""
    return {name: section for name, section in config.fitted_models().items() if not section.tuning}
