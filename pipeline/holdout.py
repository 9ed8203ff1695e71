"""Holdout: the last part of the dates, which no stage reads until it is unsealed."""

from __future__ import annotations

import secrets

import pandas as pd
from rich.console import Console

from market.calendar import find_position
from pipeline.chains.data_identity import sketch
from pipeline.errors import RunError
from pipeline.export.publication import open_ledger
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.stages.loading import load_data
from pipeline.stages.results import Evaluated, evaluate_from
from pipeline.verdict.evidence import Evidence, judge


def judge_holdout(pipeline: Pipeline) -> tuple[Evaluated, Evidence]:
    """Unseal the holdout, run the pipeline through it, and judge the result on the holdout alone.

    The unsealing is recorded before any data is read, so an interrupted run counts as a look too.

    Raises
    ------
    RunError
        If the configuration has no holdout, or the holdout has too few dates.
    """
    config = pipeline.config
    holdout = config.evaluation.holdout
    if holdout is None:
        raise RunError("evaluation.holdout is not set, so there is nothing to unseal")
    ledger = open_ledger(config)
    # The dates before the holdout identify the data; the holdout is read only after the unsealing is recorded.
    data = sketch(load_data(config, Reporter(Console(quiet=True)))[0])
    entry = {
        "kind": "unsealing",
        "experiment": config.name,
        "id": secrets.token_hex(8),
        "config": config.digest()[:16],
        "holdout": str(holdout),
        "sketch": data,
    }
    ledger.add([entry])
    trials = ledger.trials(config.name, data).of_holdout(holdout)
    pipeline.reporter.line("holdout", f"unsealed from {holdout}, time {len(trials.unsealings)} for this data")
    panel, findings = load_data(config, pipeline.reporter, unseal=True)
    last = panel.dates[-1]
    if last < pd.Timestamp(holdout):
        raise RunError(f"evaluation.holdout is {holdout}, but the data ends at {last:%Y-%m-%d}")
    row = find_position(panel.dates, holdout)
    done = pipeline.evaluate(pipeline.train(pipeline.prepare((panel, findings))))
    part = evaluate_from(done, row)
    if len(part.results[part.chosen].positions) < 2:
        raise RunError(f"the holdout from {holdout} to {last:%Y-%m-%d} holds fewer than two returns")
    evidence = pipeline.reporter.stage("verdict", lambda: judge(part, trials), lambda result: result.verdict)
    return part, evidence
