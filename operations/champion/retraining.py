"""Retraining: record new data, train a challenger, and promote it if it passes the gate."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from foundation.counts import format_count
from operations.champion.decisions import Check, Decision, Decisions
from operations.champion.gate import NO_WORSE, judge, no_worse
from operations.champion.registry.mirror import tell_registry
from operations.data.updating import is_behind, known_until, take_in, versions_of
from operations.errors import BusyError, OperationsError, RevisedError
from operations.state_dir import state_dir
from pipeline.chains.checks import check_state
from pipeline.config import RunConfig
from pipeline.errors import USER_ERRORS
from pipeline.export import latest_run, run_folder
from pipeline.export.artifacts import RunArtifacts
from pipeline.export.publication import load_or_make_artifacts
from pipeline.files import make_folder
from pipeline.progress import Reporter
from pipeline.stages.loading import Loaded, load_data
from pipeline.stages.record import make_record
from pipeline.store import Store

if TYPE_CHECKING:
    from operations.champion.candidate import Candidate


def retrain(config: RunConfig, reporter: Reporter, *, now: dt.datetime) -> Decision:
    """Train on the data known at `now`, judge the result, and record the decision.

    A repeated call with the same data, configuration and code returns the earlier decision. A killed process leaves
    complete run folders and complete decisions; the next call resumes from the stored stages.

    Parameters
    ----------
    config : RunConfig
    reporter : Reporter
    now : datetime
        With its time zone. Data that became known later is not read.

    Raises
    ------
    BusyError
        If another process is retraining this configuration.
    OperationsError
        If a holdout is sealed.
    RevisedError
        If the source has rewritten the past; run `tangency update --accept-revisions` first.
    """
    return retrain_if_new(config, reporter, now=now)[0]


def retrain_if_new(config: RunConfig, reporter: Reporter, *, now: dt.datetime) -> tuple[Decision, bool]:
    """Retrain, and return the decision and whether it is new; if nothing has changed, it is an earlier decision."""
    unsealed(config)
    with alone(config):
        loaded = load_data(config, reporter, known_by=known_until(config, now))
        decisions = Decisions(config)
        earlier = decisions.judged(_identity_of(config, loaded))
        if earlier is not None:
            _check_champion(config, decisions)
            reporter.line(
                "retraining", f"nothing changed since {earlier.at:%Y-%m-%d}; decision of then: {earlier.kind}"
            )
            decision = earlier
        else:
            _record_data(config, reporter, now, loaded)
            decision = _train_and_judge(config, reporter, now, loaded, decisions)
        tell_registry(config, reporter)
    return decision, earlier is None


def _record_data(config: RunConfig, reporter: Reporter, now: dt.datetime, loaded: Loaded) -> None:
    """Record new data; data as of an earlier date must agree with what was recorded until then."""
    if not is_behind(config, now):
        take_in(config, reporter, loaded, now=now)
    elif (change := versions_of(config).changed_past(loaded[0], known_until(config, now))) is not None:
        raise RevisedError(change.sentences())


def _check_champion(config: RunConfig, decisions: Decisions) -> None:
    """Check the champion's files against their recorded SHA-256; without new data, no training would notice damage."""
    from operations.champion.candidate import Candidate

    reigning = decisions.champion()
    if reigning is not None and reigning.champion is not None:
        Candidate(config.output / reigning.champion, decisions.files_of(reigning.champion)).digests()


def unsealed(config: RunConfig) -> None:
    """Check that no holdout is sealed: a model in use must see the newest data.

    Raises
    ------
    OperationsError
        If a holdout is sealed.
    """
    if config.evaluation.holdout is not None:
        raise OperationsError(
            f"{config.name}: evaluation.holdout is {config.evaluation.holdout}, so that today's data is sealed. "
            "What is in use must see it: remove the key once the holdout has been judged"
        )


def _train_and_judge(
    config: RunConfig, reporter: Reporter, now: dt.datetime, loaded: Loaded, decisions: Decisions
) -> Decision:
    from operations.champion.candidate import Candidate  # imports models, which are unneeded without new data

    known = decisions.all()
    store = Store(config.output / "store")
    artifacts = load_or_make_artifacts(config, store, reporter, loaded)
    folder = _folder(config, artifacts, reporter, now)
    challenger = Candidate(
        folder, Candidate(folder).digests()
    )  # record the SHA-256 of exactly the files that are judged
    champion = known[-1].champion if known else None
    checks = judge(config.gate, challenger.summary, artifacts.drift)
    if champion is None:
        verdict = challenger.summary["verdict"]
        checks += (
            Check("first champion", True, f"no champion to compare with; verdict of the run: {verdict}"),
        )
    else:
        incumbent = Candidate(config.output / champion, decisions.files_of(champion))
        checks += (_against(challenger, incumbent, loaded, store, reporter),)
    failed = [check.words for check in checks if not check.passed]
    decision = Decision(
        "kept" if failed else "promoted",
        now,
        challenger.run,
        champion if failed else challenger.run,
        champion,
        _identity_of(config, loaded),
        f"{loaded[0].dates[-1]:%Y-%m-%d}",
        "; ".join(failed or [check.words for check in checks]),
        checks,
        challenger.files,
    )
    decisions.record(decision, known)
    reporter.line("decision", f"{decision.kind}: {decision.reason}")
    return decision


def _against(
    challenger: Candidate, champion: Candidate, loaded: Loaded, store: Store, reporter: Reporter
) -> Check:
    """Compare with the champion; a champion that cannot be read is replaced only by a manual promotion."""
    from operations.champion.comparison import compare_on

    try:
        same = _procedure(champion.summary) == _procedure(challenger.summary)
        comparison = reporter.stage(
            "comparison",
            lambda: compare_on(loaded, store, challenger, champion),
            lambda found: (
                f"utility {100 * found.difference:+.2f} % a year over {format_count(found.dates, 'date')}"
            ),
        )
    except USER_ERRORS as error:
        return Check(NO_WORSE, False, f"the champion cannot be compared with: {error}")
    return no_worse(challenger.config.gate, comparison, same_procedure=same)


def _identity_of(config: RunConfig, loaded: Loaded) -> str:
    """Return the digest of all inputs of a retraining: configuration, data, code and libraries."""
    # Without the commit: a commit that leaves the numerical code unchanged does not justify a second judgement.
    record = make_record(config, loaded[0]).as_dict() | {"git_sha": None}
    text = json.dumps([record, config.gate.model_dump()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _procedure(summary: dict[str, Any]) -> tuple[str, str]:
    return summary["record"]["config_hash"], summary["record"]["code_hash"]


def _folder(config: RunConfig, made: RunArtifacts, reporter: Reporter, now: dt.datetime) -> Path:
    """Return the folder of the run: one that an interrupted process has written already, or a new one."""
    before = latest_run.reuse_run(config.output, made)
    if before is not None:
        return before
    run_id = run_folder.new_run_id(config.name, now, config.digest())
    return run_folder.write_run(config.output, made, run_id, reporter.seconds, reporter.reused, now=now)


@contextmanager
def alone(config: RunConfig) -> Iterator[None]:
    """Lock the decisions about a configuration; the operating system releases the lock if this process dies."""
    folder = state_dir(config)
    make_folder(folder)
    lock = FileLock(folder / ".retraining.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(f"{config.name}: another process is retraining; try again when it is done") from None
    try:
        check_state(config.output, config.name)
        yield
    finally:
        lock.release()
