"""Update: record new dates, and continue stored features, regimes and models over them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from foundation.counts import format_count
from foundation.suggestions import list_names
from market.findings import Finding
from market.panel import Panel
from market.sources.settings import find_origins, name_new_files
from operations.data.version import Version
from operations.data.versions import Recorded, Versions
from operations.errors import RevisedError
from operations.state_dir import state_dir
from pipeline.config import RunConfig
from pipeline.progress import Reporter
from pipeline.runner.keys import FEATURES, MODEL, REGIMES, features_key, fitting_key, walk_key
from pipeline.settings.models import Fitted
from pipeline.stages.loading import Loaded, cut_at_holdout, load_data
from pipeline.store import Store


@dataclass(frozen=True)
class Updated:
    """The result of an update.

    Attributes
    ----------
    recorded : Recorded
        The newest version of the data, and its changes.
    panel : Panel
    continued : int or None
        The version whose stored stages were continued; None if nothing was new or no stages were stored.
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
    """Record the present data of the source, and continue stored stages of the previous version.

    Features, regimes and walk-forward results that are stored for an earlier version are continued. Their values on
    past dates stay equal bit for bit, and the next run reuses them as if it had computed them itself. Without new data,
    nothing is done. The next update completes an interrupted one.

    Parameters
    ----------
    config : RunConfig
    reporter : Reporter
    now : datetime
        With a time zone. Later data of the source is ignored, as are dates of a sealed holdout.
    accept_revisions : bool
        Record the data even if the source has rewritten the past.

    Raises
    ------
    RevisedError
        If the source has rewritten the past and `accept_revisions` is False.
    DataError
        If the new data contradicts itself.
    """
    known_by = known_until(config, now)
    loaded = load_data(config, reporter, known_by=known_by)
    return take_in(config, reporter, loaded, now=now, accept_revisions=accept_revisions)


def is_behind(config: RunConfig, now: dt.datetime) -> bool:
    """Return whether data as of `now` ends before the newest recorded version."""
    log = versions_of(config).log()
    return bool(log) and known_until(config, now) < pd.Timestamp(log[-1].last)


def take_in(
    config: RunConfig, reporter: Reporter, loaded: Loaded, *, now: dt.datetime, accept_revisions: bool = False
) -> Updated:
    """Record data that was loaded as of `now`, and continue stored stages; see `update`."""
    panel, findings = loaded
    known_by = known_until(config, now)
    versions = versions_of(config)
    files = _compare_files(versions, findings)
    try:
        recorded = versions.record(
            panel,
            _describe_source(config, findings),
            now=now,
            known_by=known_by,
            accept_revisions=accept_revisions,
        )
    except RevisedError as error:
        raise RevisedError([*files, *error.changes]) from error
    _tell(recorded, findings, reporter)
    for sentence in files if recorded.difference is not None else ():
        reporter.line("", sentence)
    store, log = Store(config.output / "store"), versions.log()
    from_version = _earlier(config, store, log)
    if from_version is not None:
        _bring_forward(config, store, reporter, (panel, findings), from_version)
        _forget_stages(config, store, log[: from_version.version - 1])
    elif not _is_made(config, store, recorded.version):
        reporter.line("stages", "nothing is stored to go on from: the next run makes them")
    return Updated(recorded, panel, None if from_version is None else from_version.version)


def _describe_source(config: RunConfig, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the section `data`, and where the data came from if it is not one local file."""
    described = config.data.model_dump(mode="json", exclude_none=True)
    origins = [origin.as_dict() for origin in find_origins(findings)]
    return described | ({"read": origins} if origins else {})


def _compare_files(versions: Versions, findings: Sequence[Finding]) -> list[str]:
    """Return sentences on files that are new or gone since the newest version."""
    log = versions.log()
    before = log[-1].source.get("read", []) if log else []
    if not before:
        return []
    changes = name_new_files(before, find_origins(findings))
    return [
        f"{format_count(len(names), f'{kind} file')}: {list_names(names)}"
        for kind, names in (("new", changes["new"]), ("lost", changes["gone"]))
        if names
    ]


def _forget_stages(config: RunConfig, store: Store, log: Sequence[Version]) -> None:
    """Delete the stages of old versions; each version stores features for all dates."""
    for version in log:
        for stage, key in _stages(config, version):
            store.forget(stage, key)


def known_until(config: RunConfig, now: dt.datetime) -> pd.Timestamp:
    """Return the last instant of source data that may be read, without a time zone as in sources."""
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
    """Describe a version in one line."""
    parts = [format_count(version.dates_new, "new date")]
    for label, names in (("new", version.assets_new), ("gone", version.assets_gone)):
        if names:
            parts.append(f"{label}: {', '.join(names)}")
    if any(version.revised.values()):
        parts.append("of the past " + ", ".join(f"{n} {kind}" for kind, n in version.revised.items() if n))
    return (
        f"version {version.version} ({version.kind}): {'; '.join(parts)}; "
        f"{format_count(version.dates, 'date')} x {format_count(version.assets, 'asset')} to {version.last[:10]}"
    )


def _earlier(config: RunConfig, store: Store, log: Sequence[Version]) -> Version | None:
    """Return the newest earlier version that can be continued: later ones only append, and its features are stored.

    None if all stages of the last version are stored already. After a revision or a change of universe nothing can be
    continued, because past features change as well.
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
    """Return whether all stages that an update continues are stored."""
    return all(store.holds(stage, key) for stage, key in _stages(config, version))


def _stages(config: RunConfig, version: Version) -> list[tuple[str, str]]:
    """Return the stage and key of each stored result that an update continues."""
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
    """Compute the stages of the newest version from those of an earlier one."""
    from pipeline.runner.pipeline import (
        Pipeline,
    )  # imports models and solvers, which are unneeded without new data

    pipeline = Pipeline(config, store, reporter, earlier=from_version.digest)
    pipeline.fit(pipeline.prepare(loaded), _continued(config))
    for name in config.fitted_models().keys() - _continued(config).keys():
        reporter.line(f"{MODEL} {name}", "is tuned: left to the next run, which searches again")


def _continued(config: RunConfig) -> dict[str, Fitted]:
    """Return the models that an update continues: those without a parameter search."""
    return {name: section for name, section in config.fitted_models().items() if not section.tuning}
