"""`tangency compile`: compile all numerical kernels now."""

from __future__ import annotations

import click

from pipeline.cli.group import EPILOG, tangency


@tangency.command("compile", epilog=EPILOG)
@click.option("--workers", type=click.IntRange(min=1), help="Processes to compile in [all cores].")
def compile_kernels(workers: int | None) -> None:
    """Compile all numerical kernels ahead of time, on all cores.

    They are stored beside their modules, or in NUMBA_CACHE_DIR, until their code changes. `make setup` calls this
    command. Without it, a run compiles the kernels that it needs, and says so.
    """
    from pipeline.runner.kernels import compile_all

    total = 0
    for part, count in compile_all(workers):
        total += count
        if count:
            click.echo(f"compiled the kernels of {part}")
    if not total:
        click.echo("all kernels are compiled")
