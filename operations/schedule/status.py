"""Status of each configuration: champion files, training, due and failed slots, and the scheduler process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from operations.champion.decisions import Decisions
from operations.champion.run_files import advise_on_champion, find_damage, runs_of
from operations.data.updating import line_of, versions_of
from operations.schedule.problems import find_process_problems, find_slot_problems
from operations.schedule.scheduler_process import SchedulerProcess, loops
from operations.slots.history import JobHistory, Slot, job_history
from operations.slots.records import records
from operations.slots.slots import Slots
from operations.state_dir import state_dir
from operations.watch.record import WatchRecord, read_watch, watch_path
from pipeline.chains.checks import check_chains
from pipeline.chains.recorded_files import check_newest_version
from pipeline.config import RunConfig
from pipeline.errors import LedgerError


@dataclass(frozen=True)
class ModelStatus:
    """The champion, and the most recent training that was judged.

    Attributes
    ----------
    champion : str
        Run of the champion; empty if there is none.
    since : datetime.datetime or None
        When it became champion.
    data_last : str
        Last date of the champion's training data, ISO.
    trained_at : datetime.datetime or None
        When a model was last trained and judged, including one that did not become champion.
    trained_to : str
        Last date of the data of that training, ISO.
    verdict : str
        The decision about that training.
    damage : str
        Describes a damaged file of the champion; empty if all files match their recorded SHA-256.
    advice : str
        How to get a champion; empty if there is one.
    """

    champion: str = ""
    since: dt.datetime | None = None
    data_last: str = ""
    trained_at: dt.datetime | None = None
    trained_to: str = ""
    verdict: str = ""
    damage: str = ""
    advice: str = ""


@dataclass(frozen=True)
class JobStatus:
    """The status of one configuration.

    Attributes
    ----------
    name : str
    scheduled : bool
        Whether the configuration has a schedule. If not, the fields about slots and the scheduler are empty.
    model : ModelStatus
    runs : tuple of str
        Its runs in the output folder, oldest first.
    data : str
        The newest recorded version of its data in one line; empty if there is none.
    last_done : Slot or None
        The slot that was completed last.
    next_due : datetime.datetime or None
        When the schedule fires next; None if the schedule has never been checked.
    visited : datetime.datetime or None
        When a process last checked which slots are due.
    heartbeat : datetime.datetime or None
        Last heartbeat of a scheduler process; None if there never was one.
    open : tuple of Slot
        Queued and running slots.
    problems : tuple of str
        One message per problem; empty if there are none.
    watch : WatchRecord or None
        State of the watch of the configuration as it last wrote it; None if there never was one.
    """

    name: str
    scheduled: bool
    model: ModelStatus
    runs: tuple[str, ...]
    data: str
    last_done: Slot | None
    next_due: dt.datetime | None
    visited: dt.datetime | None
    heartbeat: dt.datetime | None
    open: tuple[Slot, ...]
    problems: tuple[str, ...]
    watch: WatchRecord | None = None


def _model_status(config: RunConfig) -> ModelStatus:
    """Return the model status that follows from the decisions about a configuration.

    Raises
    ------
    LedgerError
        If the chain of decisions is broken.
    """
    decisions = Decisions(config)
    done = decisions.all()
    trained = next((decision for decision in reversed(done) if decision.kind != "rolled back"), None)
    crowned = decisions.champion()
    model = ModelStatus(advice=advise_on_champion(config))
    if crowned is not None and crowned.champion is not None:
        # A rollback records the data of its own day, not the data on which the old champion was trained.
        first = next(decision for decision in done if decision.run == crowned.champion)
        damage = find_damage(config.output / crowned.champion, decisions.files_of(crowned.champion))
        model = ModelStatus(crowned.champion, crowned.at, first.data_last, damage=damage)
    if trained is None:
        return model
    verdict = f"{trained.kind}: {trained.reason}"
    return replace(model, trained_at=trained.at, trained_to=trained.data_last, verdict=verdict)


def status(configs: Sequence[RunConfig], now: dt.datetime) -> list[JobStatus]:
    """Return the status of each configuration, those without a schedule last.

    Raises
    ------
    OperationsError
        If two configurations have the same name and output folder, or their record cannot be read.
    LedgerError
        If a record of the output folder is broken or lost lines.
    """
    statuses = []
    for path, group in records(configs).items():
        check_chains(path.parent.parent)
        statuses += [_status(path, config, now) for config in group.values()]
    for config in configs:
        if config.schedule is None:
            check_chains(config.output)
            statuses.append(_job_status(config, now, None, None, []))
    return statuses


def _status(path: Path, config: RunConfig, now: dt.datetime) -> JobStatus:
    history: JobHistory | None = None
    last: SchedulerProcess | None = None
    if path.exists():
        with Slots(path) as slots:
            history = job_history(slots.connection, config.name)
            known = loops(slots.connection)
            # A process that died while the clock was ahead has a later heartbeat than any live process.
            last = next((loop for loop in known if loop.lives(now)), known[0] if known else None)
    problems = find_process_problems(history, last, now)
    if history is not None:
        problems += find_slot_problems(history, now)
    return _job_status(config, now, history, last, problems)


def _job_status(
    config: RunConfig,
    now: dt.datetime,
    history: JobHistory | None,
    last: SchedulerProcess | None,
    problems: list[str],
) -> JobStatus:
    model, log = _model_status(config), versions_of(config).log()
    damage = [f"the champion cannot be used: {model.damage}"] if model.damage else []
    try:
        check_newest_version(state_dir(config))
    except LedgerError as error:
        damage.append(f"the data cannot be used: {error}")
    watch = read_watch(watch_path(config))
    return JobStatus(
        config.name,
        config.schedule is not None,
        model,
        tuple(runs_of(config)),
        line_of(log[-1]) if log else "",
        history.latest("done") if history else None,
        history.next_due() if history else None,
        history.visited if history else None,
        last.heartbeat if last else None,
        tuple(history.open()) if history else (),
        (*damage, *problems, *(watch.problems(now) if watch else ())),
        watch,
    )
