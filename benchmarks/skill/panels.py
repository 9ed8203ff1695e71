"""Panels of the skill board, trained once by the pipeline's own stages.

    python -m benchmarks.skill.panels [NAME ...]     train what is missing, all panels by default

`load_trained("industries")` returns in about a second what a run has before it trades: panel, schedule, calibrated
forecasts and covariances. Features, regimes and walks come from benchmarks/results/skill/.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from benchmarks.skill.sources import PACKAGED, ROOT, MissingDataError, data_section, panel_names
from benchmarks.skill.stage_cache import RESULTS, StageCache
from foundation.threads import one_thread
from pipeline.config import RunConfig, read_config_file
from pipeline.data_source import load_source
from pipeline.defaults.completion import complete_content
from pipeline.errors import USER_ERRORS, ConfigError
from pipeline.settings.data import DataSection
from pipeline.stages.results import Trained
from pipeline.stages.sequence import Sequence as StageSequence

_SHARE = re.compile(r"(\d+(?:\.\d+)?)/N")


def base_content(name: str, folder: Path = RESULTS) -> dict[str, Any]:
    """Return the content of a panel's configuration: the shipped one, or what Tangency chooses for name and data.

    The named portfolios of a shipped configuration are left out: the board measures the allocator.

    Raises
    ------
    MissingDataError
        If its file is not there.
    """
    if name in PACKAGED:
        content = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text(encoding="utf-8"))
        content.pop("strategies", None)
        content["allocation"].pop("strategy", None)
    else:
        section = data_section(name, folder / "data")
        content = complete_content(
            {"name": name, "data": section}, DataSection.model_validate(section)
        ).content
    return {**content, "output": str(folder / "runs")}


def make_config(content: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> RunConfig:
    """Return the configuration of a panel with some settings changed.

    Parameters
    ----------
    content : mapping
        From `base_content`; it is not changed.
    overrides : mapping of dotted path to value, optional
        Such as {"allocation.maximum": 0.25}. Durations are written as in a configuration file: "3 months".

    Raises
    ------
    ConfigError
        If a key does not exist or a value does not fit.
    """
    changed = deepcopy(dict(content))
    for key, value in (overrides or {}).items():
        set_value(changed, key, value)
    text = yaml.safe_dump(changed, sort_keys=False, allow_unicode=True)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"{content['name']}.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            return read_config_file(path).config
        except (
            ConfigError
        ) as error:  # the ledger compares messages: none may hold the name of a temporary file
            raise ConfigError(str(error).replace(str(path), content["name"])) from error


def set_value(content: dict[str, Any], key: str, value: Any) -> None:
    """Set a value in nested mappings by its dotted path; sections that are not there are added.

    Raises
    ------
    ConfigError
        If the path goes through a value.
    """
    *sections, last = key.split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise ConfigError(f"{key}: {section} is a value, not a section")
    content[last] = value


def resolve_shares(overrides: Mapping[str, Any], n_assets: int) -> dict[str, Any]:
    """Return settings with numbers in place of multiples of 1/N: "3/N" is 0.25 for 12 assets, and never above 1."""
    resolved = dict(overrides)
    for key, value in overrides.items():
        if isinstance(value, str) and (found := _SHARE.fullmatch(value)):
            resolved[key] = min(1.0, float(found[1]) / n_assets)
    return resolved


def load_trained(name: str, overrides: Mapping[str, Any] | None = None, folder: Path = RESULTS) -> Trained:
    """Return a panel with its schedule, calibrated forecasts and covariances, ready to be traded.

    What is not in the store is trained and stored. `trained.prepared` has the configuration, the panel and the
    schedule; `trained.forecasts["combination"]` and `trained.covariances` are what a policy decides from.

    Parameters
    ----------
    name : str
        One of `panel_names()`.
    overrides : mapping of dotted path to value, optional
        Settings of the configuration that differ. Those of `allocation` and `calibration` need no training.
        A value "3/N" is three times 1/N of the panel's assets.
    folder : Path
        Where results are stored.

    Raises
    ------
    MissingDataError
        If the file of the panel is not there.
    ConfigError
        If a setting does not exist, or changes the data.
    """
    if wrong := [key for key in overrides or {} if key.split(".")[0] in ("name", "data")]:
        raise ConfigError(f"{wrong[0]}: a panel is its data; add another one to benchmarks/skill/sources.py")
    content = base_content(name, folder)
    config = make_config(content)
    panel, findings = load_source(config.data, config.output, end=config.data.end, known_by=None)
    if overrides:
        config = make_config(content, resolve_shares(overrides, len(panel.assets)))
    cache = StageCache(config, folder)
    sequence = StageSequence(config, cache)
    with one_thread():
        trained = sequence.train(sequence.prepare(panel, findings))
    if cache.notice:
        print(cache.notice, file=sys.stderr)
    elif not overrides:
        cache.mark()
    return trained


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the named panels, and return the number of those that could not be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(panel_names())}")
    names = parser.parse_args(arguments).names or panel_names()
    if unknown := sorted(set(names) - set(panel_names())):
        parser.error(f"no panel {', '.join(unknown)}; there are {', '.join(panel_names())}")
    failed = 0
    for name in names:
        began = time.perf_counter()
        try:
            trained = load_trained(name)
        except MissingDataError as error:
            print(f"{name}: skipped, {error}", flush=True)
            continue
        except USER_ERRORS as error:
            failed += 1
            print(f"{name}: {error}", flush=True)
            continue
        panel, forecast = trained.prepared.panel, next(iter(trained.forecasts.values()))
        print(
            f"{name}: {len(panel.dates)} dates x {len(panel.assets)} assets, {panel.dates[0]:%Y-%m-%d} to "
            f"{panel.dates[-1]:%Y-%m-%d}, {len(trained.prepared.schedule.decisions)} decisions, "
            f"{len(forecast.positions)} forecasts of {', '.join(trained.forecasts)}; "
            f"{time.perf_counter() - began:.1f} s",
            flush=True,
        )
    return failed


if __name__ == "__main__":
    sys.exit(main())
