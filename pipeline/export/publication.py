"""Publication: all results of a run, as plain texts and bytes that are stored like a stage.

If nothing changed, a run only reads them; models, portfolios and charts are not even loaded.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from foundation.json_text import to_json
from pipeline.chains.data_identity import sketch
from pipeline.chains.heads import HEADS, LEDGER
from pipeline.chains.ledger import Ledger
from pipeline.config import RunConfig
from pipeline.drift.drift import Drift
from pipeline.export.artifacts import TITLE, RunArtifacts
from pipeline.progress import Reporter
from pipeline.stages.loading import Loaded, load_data
from pipeline.stages.record import make_record, trial_id
from pipeline.store import Store, key_of, showing_digest
from pipeline.store.reuse import explain_reuse

if TYPE_CHECKING:
    from pipeline.audit.certificate import Certificate
    from pipeline.stages.results import Evaluated
    from pipeline.verdict.evidence import Evidence


def load_or_make_artifacts(
    config: RunConfig,
    store: Store,
    reporter: Reporter,
    loaded: Loaded | None = None,
    making: Callable[[], None] = lambda: None,
) -> RunArtifacts:
    """Return the artifacts of this configuration's run, from the store if nothing changed.

    Parameters
    ----------
    config : RunConfig
    store : Store
    reporter : Reporter
    loaded : tuple of Panel and tuple of Finding, optional
        The data, if it was already loaded.
    making : callable
        Called before the artifacts are computed, and only then.
    """
    reporter.notices(store)
    loaded = loaded or load_data(config, reporter)
    ledger = open_ledger(config)
    for path in ledger.damaged_others():
        reporter.line(
            "warning", f"{path}: damaged; of this other folder's trials only those before the damage count"
        )
    # The verdict depends on the other trials.
    others = ledger.trials(config.name, sketch(loaded[0])).without(trial_id(config, loaded[0]))
    record = json.dumps(make_record(config, loaded[0]).as_dict(), sort_keys=True)
    # The artifacts contain the paths of data and output, in MLflow parameters and in messages.
    settings = config.model_dump_json(exclude={"schedule"})
    key = key_of(record, settings, showing_digest(), others)

    def make() -> RunArtifacts:
        making()
        from pipeline.runner.pipeline import (
            Pipeline,  # imports models and solvers, which are not needed if nothing changed
        )

        with _set_aside(), explain_reuse(store):
            pipeline = Pipeline(config, store, reporter)
            done = pipeline.evaluate(pipeline.train(pipeline.prepare(loaded)))
            certificate = pipeline.certify(done)
            evidence = judge_run(done, reporter)
            drift = _measure_drift(done, reporter)
            gc.freeze()  # the new objects are not garbage either
            return reporter.stage(
                "report",
                lambda: _make_artifacts(
                    done, certificate, evidence, drift, reporter.stage_lines, reporter.warnings
                ),
                lambda artifacts: f"{len(artifacts.report) >> 10} KiB",
            )

    artifacts, _ = store.get("published", key, make)
    with explain_reuse(store):
        ledger.add([artifacts.trial])
        reporter.again(artifacts.stage_lines, artifacts.warnings)
    return artifacts


@contextmanager
def _set_aside() -> Iterator[None]:
    """Exclude existing objects from garbage collection: modules are not garbage, and each scan of them takes 0.2 s.

    The collector also runs less often, since a run creates some hundred thousand objects that stay.
    """
    threshold = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(10_000)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()


def open_ledger(config: RunConfig) -> Ledger:
    """Return the ledger of the output folder, which also reads those of the output folders beside it."""
    own = config.output / LEDGER
    beside = {path.parent for name in (LEDGER, HEADS) for path in config.output.parent.glob(f"*/{name}")}
    # The folder of a run holds heads too, but it is not an output folder.
    folders = [each for each in sorted(beside) if not (each / "summary.json").exists()]
    return Ledger(own, [each / LEDGER for each in folders if each.resolve() != own.parent.resolve()])


def judge_run(done: Evaluated, reporter: Reporter) -> Evidence:
    """Record a finished evaluation in the ledger, and judge it in view of all trials."""
    from pipeline.verdict.evidence import judge
    from pipeline.verdict.trial import describe_trial

    config, ledger = done.trained.prepared.config, open_ledger(done.trained.prepared.config)
    entry = describe_trial(done)
    ledger.add([entry])
    trials = ledger.trials(config.name, entry["sketch"])
    return reporter.stage(
        "verdict",
        lambda: judge(done, trials),
        lambda evidence: (
            f"{evidence.verdict}; tried so far: configurations {trials.configurations}, tuning trials {trials.tunings}"
        ),
    )


def _measure_drift(done: Evaluated, reporter: Reporter) -> Drift:
    """Measure the drift at the last date of an evaluation."""
    from pipeline.drift.measure import measure_run

    return reporter.stage("drift", lambda: measure_run(done), lambda drift: drift.brief)


def _make_artifacts(
    done: Evaluated,
    certificate: Certificate | None,
    evidence: Evidence,
    drift: Drift,
    stage_lines: Mapping[str, str],
    warnings: Sequence[str] = (),
) -> RunArtifacts:
    """Draw the charts, write the report, and collect all artifacts of this run."""
    from pipeline.export.freeze import freeze, inputs
    from pipeline.export.result_tables import decisions_table, forecasts_table, trials_table, weights_table
    from pipeline.export.summary import summary
    from pipeline.report import report, terminal_tables
    from pipeline.report.charts import run_charts
    from pipeline.tracking import payload
    from pipeline.verdict import trial

    trained, drawn = done.trained, run_charts.draw(done)
    model_inputs = inputs(trained.prepared, trained.regimes, len(trained.prepared.panel.dates) - 1)
    tuned = any(walk.trials for walk in trained.walks.values())
    return RunArtifacts(
        summary(done, certificate, evidence, drift) | {"warnings": list(warnings)},
        weights_table(done).to_csv(index=False, lineterminator="\n"),
        decisions_table(done).to_csv(index=False, lineterminator="\n"),
        forecasts_table(done).to_parquet(index=False),
        trials_table(done).to_csv(index=False, lineterminator="\n") if tuned else "",
        None if certificate is None else to_json(certificate.as_dict()),
        to_json(freeze(trained)),
        to_json({"columns": list(model_inputs), "data": model_inputs.to_numpy().tolist()}),
        to_json(trained.prepared.config.model_dump(mode="json", exclude={"schedule"})),
        report.render(done, TITLE, drawn, certificate, evidence, drift),
        drawn,
        terminal_tables.tables(done, evidence),
        json.dumps(payload.make_mlflow_run(done, certificate, evidence, drift), default=vars),
        trial.describe_trial(done),
        drift,
        dict(stage_lines),
        tuple(warnings),
    )
