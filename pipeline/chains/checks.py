"""Checks of all chains of an output folder."""

from __future__ import annotations

from pathlib import Path

from pipeline.chains.anchors import chain_names
from pipeline.chains.chain import Chain
from pipeline.chains.heads import Head
from pipeline.chains.recorded_files import check_newest_version


def check_chains(output: Path, config: str | None = None) -> dict[str, tuple[int, Head | None]]:
    """Check chains of an output folder, and return the number of lines and the head of each by its name.

    Parameters
    ----------
    output : Path
    config : str, optional
        Name of a configuration: chains of others are left out. By default all are checked.

    Raises
    ------
    LedgerError
        If a chain is broken, or an anchor shows that it lost lines.
    """
    heads: dict[str, tuple[int, Head | None]] = {}
    for name in sorted(chain_names(output)):
        own = not name.startswith("operations/") or config is None or name.split("/")[1] == config
        if own:
            lines = len(Chain(output / name, output).lines())
            heads[name] = lines, Head.of(output / name)
    return heads


def check_state(output: Path, config: str) -> None:
    """Check the chains that concern a configuration, and the newest version of its data.

    Raises
    ------
    LedgerError
        If anything differs from its record.
    """
    check_chains(output, config)
    check_newest_version(output / "operations" / config)
