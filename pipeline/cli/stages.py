"""Commands that run a part of the stages: train, audit, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.group import EPILOG, check_output, run_options, tangency
from pipeline.cli.preparation import prepare_run

if TYPE_CHECKING:
    from pipeline.runner.pipeline import Pipeline
    from pipeline.stages.results import Evaluated


@tangency.command(epilog=EPILOG)
@run_options
def train(path: Path, fresh: bool) -> None:
    """Fit all models along the walk-forward, and store their forecasts.

    Prints the parameters that the last fit of each model chose. `tangency evaluate` gives scores and portfolios.
    """
    pipeline = _pipeline(path, fresh)
    done = _evaluate(pipeline)
    pipeline.certify(done)
    trained = done.trained
    for name, walk in trained.walks.items():
        chosen = ", ".join(f"{key} {value:g}" for key, value in walk.fits[-1].chosen.items())
        slope = trained.forecasts[name].slope[-1]
        pipeline.reporter.line(name, f"last fit: {chosen or 'nothing to choose'}; slope {slope:.2f}")


@tangency.command("audit", epilog=EPILOG)
@run_options
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    callback=check_output,
    help="Also write the certificate to this file.",
)
def audit_command(path: Path, fresh: bool, output: Path | None) -> None:
    """Check that nothing looked ahead, and name the first value that did.

    At some dates the later data is removed, then replaced by noise, and all stages run again. Every value known by
    that date must have the same bits. The exit code is 2 if one differs.
    """
    from foundation.json_text import to_json
    from pipeline.files import write_whole
    from pipeline.report.terminal_tables import audit_table

    pipeline = _pipeline(path, fresh)
    certificate = pipeline.certify(_evaluate(pipeline))
    if certificate is None:
        why = "too few dates are evaluated" if pipeline.config.audit.cuts else "audit.cuts is 0"
        raise click.UsageError(f"{path}: there is no date at which the future can be taken away: {why}")
    pipeline.reporter.console.print()
    pipeline.reporter.console.print(audit_table(certificate))
    if output is not None:
        write_whole(output, to_json(certificate.as_dict()).encode())
        pipeline.reporter.console.print(f"{output}", highlight=False, soft_wrap=True)


@tangency.command(epilog=EPILOG)
@run_options
@click.option(
    "--unseal",
    is_flag=True,
    help="Evaluate on the holdout alone. This is recorded permanently, and each repetition counts as a trial.",
)
def evaluate(path: Path, fresh: bool, unseal: bool) -> None:
    """Score the forecasts and simulate the portfolios; models that are not stored are trained first."""
    from pipeline.export.publication import judge_run
    from pipeline.report.terminal_tables import tables

    pipeline = _pipeline(path, fresh)
    if unseal:
        from pipeline.holdout import judge_holdout

        done, evidence = judge_holdout(pipeline)
    else:
        done = _evaluate(pipeline)
        evidence = judge_run(done, pipeline.reporter)
    for table in tables(done, evidence):
        pipeline.reporter.console.print()
        pipeline.reporter.console.print(table)


def _pipeline(path: Path, fresh: bool) -> Pipeline:
    from pipeline.runner.pipeline import Pipeline

    return Pipeline(*prepare_run(path, fresh))


def _evaluate(pipeline: Pipeline) -> Evaluated:
    return pipeline.evaluate(pipeline.train(pipeline.prepare()))
