"""RunRecord: the identity of a run, by which it can be reproduced."""

from __future__ import annotations

import functools
import hashlib
import platform
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from market.panel import Panel
from pipeline.config import RunConfig
from pipeline.settings.sources.place import PLACES
from pipeline.store import LIBRARIES, code_digest, installed


@dataclass(frozen=True)
class RunRecord:
    """Identity of a run: the same hashes and versions give the same numbers, bit for bit.

    Attributes
    ----------
    config_hash, data_hash, code_hash : str
        SHA-256, hexadecimal.
    git_sha : str
        Commit of the checkout, with "-dirty" if it was changed; "unknown" outside a checkout.
    versions : dict of str to str
        Python and the libraries that affect numbers.
    """

    config_hash: str
    data_hash: str
    code_hash: str
    git_sha: str
    versions: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return the record for JSON."""
        return asdict(self)


def make_record(config: RunConfig, panel: Panel) -> RunRecord:
    """Record configuration, data, code and versions of this run."""
    versions = {name: installed(name) for name in (*LIBRARIES, "mlflow")}
    return RunRecord(
        config.digest(),
        panel.digest(),
        code_digest(),
        _git_sha(),
        {"python": platform.python_version()} | versions,
    )


def trial_id(config: RunConfig, panel: Panel) -> str:
    """Return the id of a trial: settings, code, universe and the returns of the first date.

    More dates of the same data do not make another trial, and neither does another name of the configuration or
    another place of the data.
    """
    settings = config.deciding(name=True, data={*PLACES, "sheet", "fetch"})
    first = np.rint(np.nan_to_num(1e4 * panel.returns[0], nan=1e9)).astype(int).tolist()
    parts = (settings, code_digest(), panel.assets, f"{panel.dates[0]:%Y-%m-%d}", first)
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:20]


@functools.cache
def _git_sha() -> str:
    root = Path(__file__).resolve().parents[2]
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()
