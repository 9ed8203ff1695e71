"""Manual promotion and rollback of a champion. The record shows that the gate was not applied."""

from __future__ import annotations

import datetime as dt

from operations.champion.candidate import Candidate
from operations.champion.decisions import Decision, Decisions, succession
from operations.champion.registry.mirror import tell_registry
from operations.champion.retraining import alone
from operations.errors import OperationsError
from pipeline.config import RunConfig
from pipeline.progress import Reporter


def promote(config: RunConfig, reporter: Reporter, run: str, *, now: dt.datetime, why: str) -> Decision:
    """Make a run champion without the gate; the record shows that the promotion was manual.

    Raises
    ------
    BusyError
        If a retraining is running.
    OperationsError
        If there is no such run of this configuration, or it is champion already.
    """
    with alone(config):
        decisions = Decisions(config)
        known, folder = decisions.all(), config.output / run
        candidate = Candidate(folder, decisions.files_of(run) or Candidate(folder).digests())
        champion = known[-1].champion if known else None
        if candidate.config.name != config.name:
            raise OperationsError(f"{run} is a run of {candidate.config.name}, not of {config.name}")
        if run == champion:
            raise OperationsError(f"{run} is champion already")
        to = f"{candidate.trained_to:%Y-%m-%d}"
        reason, files = f"manual: {why}", candidate.digests()
        decision = Decision("promoted", now, run, run, champion, "", to, reason, (), files)
        decisions.record(decision, known)
        tell_registry(config, reporter)
    return decision


def roll_back(config: RunConfig, reporter: Reporter, *, now: dt.datetime, why: str) -> Decision:
    """Make the previous champion the champion again, and update the registry.

    Raises
    ------
    BusyError
        If a retraining is running.
    OperationsError, LedgerError
        If there is no previous champion, or files of its run are damaged.
    """
    with alone(config):
        decisions = Decisions(config)
        champions = succession(decisions.all())
        if len(champions) > 1:
            # Check its files first: a damaged run would be an unusable champion.
            Candidate(config.output / champions[-2], decisions.files_of(champions[-2])).digests()
        decision = decisions.roll_back(now, why)
        tell_registry(config, reporter)
    return decision
