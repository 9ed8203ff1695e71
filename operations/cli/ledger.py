"""Commands about the records of an output folder: ledger verify, ledger repair, ledger show."""

from __future__ import annotations

from pathlib import Path

import click

from foundation.counts import format_count
from pipeline.cli.group import EPILOG, config_option, tangency
from pipeline.cli.preparation import prepare_run, read_config


@tangency.group(epilog=EPILOG)
def ledger() -> None:
    """Show and verify the record of trials and decisions."""


@ledger.command("verify", epilog=EPILOG)
@config_option
def verify_ledger_command(path: Path) -> None:
    """Check that no line of trials, decisions and data versions in the output folder was changed or lost."""
    from pipeline.chains.checks import check_chains

    config, _, reporter = prepare_run(path, fresh=False, writes=False, trains=False)
    for name, (lines, head) in check_chains(config.output).items():
        last = "" if head is None else f"; the last is {head.hash[:16]}"
        reporter.line(str(config.output / name), f"{format_count(lines, 'line')}, unbroken{last}")


@ledger.command(epilog=EPILOG)
@config_option
@click.option("--reason", required=True, help="What happened; it is recorded.")
def repair(path: Path, reason: str) -> None:
    """Continue with the remaining lines of a record that lost some.

    If there is a copy of the files, restore it instead. Trials that MLflow knows are restored. The loss is recorded
    permanently, and each lost line of the trial ledger counts as one more trial.
    """
    from rich.console import Console

    from operations.champion.decisions import Decisions
    from operations.champion.run_files import advise_on_champion
    from pipeline.chains.heads import chain_name
    from pipeline.chains.repair import repair_chains
    from pipeline.errors import TrackingError
    from pipeline.progress import Reporter
    from pipeline.tracking.shared_trials import known_heads, known_trials

    config, reporter = read_config(path), Reporter(Console(width=120))
    decisions = Decisions(config)
    try:
        known, seen = known_trials(config.output, config.name), known_heads(config.output, config.name)
    except TrackingError as error:
        reporter.line("trials", f"none come back from MLflow: {error}")
        known, seen = [], []
    done = repair_chains(config.output, reason, known, seen)
    for one in done:
        aside = "" if one.kept_aside is None else f"; the file as it was is {one.kept_aside}"
        reporter.line(
            str(config.output / one.chain),
            f"{format_count(one.lines, 'line is', 'lines are')} left, "
            f"{format_count(one.lost, 'is', 'are')} lost{aside}",
        )
    if not done:
        reporter.line("repair", "nothing is to be repaired")
    elif any(one.chain == chain_name(config.output, decisions.chain.path) for one in done):
        champion = decisions.champion()
        reigning = None if champion is None else champion.champion
        reporter.line("champion", reigning or f"none is left: {advise_on_champion(config)}")


@ledger.command("show", epilog=EPILOG)
@config_option
def show_ledger_command(path: Path) -> None:
    """List the decisions about a configuration, the newest last."""
    from operations.champion.decisions import Decisions

    config, _, reporter = prepare_run(path, fresh=False, writes=False, trains=False)
    for decision in Decisions(config).all():
        reporter.line(f"{decision.at:%Y-%m-%d %H:%M}", f"{decision.kind}: {decision.run}: {decision.reason}")
