"""Warnings that can change a result are printed, one line each, also where a stored run is shown."""

import io

import pandas as pd
from rich.console import Console

from features.building import build_matrix
from market.findings import Finding
from market.load import load_panel
from pipeline.config import load_config
from pipeline.export.publication import load_or_make_artifacts
from pipeline.progress import Reporter
from pipeline.settings.stages import FeaturesSection
from pipeline.stages.loading import load_data
from pipeline.stages.run_warnings import feature_warnings, features_line, finding_notes, finding_warnings
from pipeline.store import Store


def recorder():
    out = io.StringIO()
    return Reporter(Console(file=out, width=120)), out


def finding(check, asset, severity="warning"):
    return Finding(check, severity, asset, pd.Timestamp("2020-01-31"), f"column {asset!r}: {check}")


def test_a_warning_is_one_line_and_is_printed_once():
    reporter, out = recorder()
    reporter.warn("column '[red]A[/red]' of [macro] is odd " + "x" * 200)
    reporter.warn("column '[red]A[/red]' of [macro] is odd " + "x" * 200)
    lines = out.getvalue().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("warning ")
    assert "'[red]A[/red]' of [macro]" in lines[0]  # brackets of names are no markup
    assert reporter.warnings == ["column '[red]A[/red]' of [macro] is odd " + "x" * 200]


def test_two_hundred_findings_are_a_line_for_each_kind():
    many = [finding("stale run", f"S{i}") for i in range(200)]
    few = [finding("calendar gap", None), finding("missing value", "A"), finding("starts late", "B", "note")]
    lines = finding_warnings([*many, *few])
    assert len(lines) == 3
    assert "200 warnings" in lines[0]
    assert "column 'S0': stale run" in lines[0]
    assert lines[1:] == [few[0].message, few[1].message]


def test_notes_are_lines_of_their_own_and_are_counted_where_there_are_many():
    few = [finding("calendar", None, "note"), finding("stale run", "A")]
    many = [finding("starts late", f"S{i}", "note") for i in range(5)]
    assert finding_notes([*few, *many])[0] == few[0].message
    assert "starts late: 5 notes" in finding_notes([*few, *many])[1]
    assert finding_notes([*many, *few])[0].endswith(many[0].message)


def test_all_that_the_reader_changed_or_assumed_is_printed_once_also_where_stages_are_reused(mine, tmp_path):
    lines = (tmp_path / "prices.csv").read_text().splitlines()
    lines.insert(60, lines[60].split(",")[0][:-2] + "15" + "," * lines[0].count(","))  # a row without a value
    (tmp_path / "prices.csv").write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")  # from new to old
    config = load_config(mine())
    store = Store(config.output / "store")
    shown = []
    for _ in range(2):
        reporter, out = recorder()
        load_or_make_artifacts(config, store, reporter, load_data(config, reporter))
        load_data(config, reporter)
        notes = [line for line in out.getvalue().splitlines() if line.startswith("note ")]
        assert len(notes) == len(set(notes))
        assert any("1 row holds no asset's value" in line for line in notes)
        assert any("rows run from new to old" in line for line in notes)
        assert any("cash earns 0" in line for line in notes)
        shown.append(notes)
    assert shown[0] == shown[1]


def test_a_stage_of_which_a_part_is_missing_is_named_in_the_line_of_the_features():
    panel, _ = load_panel("industries")
    matrix = build_matrix(panel.select_rows(slice(0, 60)), ("market", "bar"))
    assert feature_warnings(matrix, FeaturesSection(include=("market", "bar"))) == []
    assert "left out" in features_line(matrix)
    assert "and 1" in features_line(matrix)  # names of many features are counted
    assert "the panel has no close" in features_line(matrix)


def test_nobody_is_warned_of_what_the_default_asks_for():
    panel, _ = load_panel("stocks")  # without macro series
    section = FeaturesSection()
    matrix = build_matrix(panel.select_rows(slice(0, 60)), section.include)
    assert feature_warnings(matrix, section) == []
    assert "of macro left out: the panel has no macro series" in features_line(matrix)
    assert "left out volume_ratio_1_12, volume_variation_12: the panel has no volume" in features_line(matrix)
    explicit = FeaturesSection(include=("asset", "macro"))
    (line,) = feature_warnings(build_matrix(panel.select_rows(slice(0, 60)), explicit.include), explicit)
    assert "'macro'" in line


def test_a_stored_run_repeats_its_warnings(mine, tmp_path):
    prices = pd.read_csv(tmp_path / "prices.csv")
    stale = prices.columns[1]
    prices.loc[60:70, stale] = prices.loc[60, stale]
    prices.to_csv(tmp_path / "prices.csv", index=False)
    include = ["asset", "market", "macro"]
    config = load_config(mine(features={"include": include, "exclude": []}))
    store, shown = Store(config.output / "store"), []
    for _ in range(2):
        reporter, out = recorder()
        made = load_or_make_artifacts(config, store, reporter)
        lines = [line for line in out.getvalue().splitlines() if line.startswith("warning ")]
        shown.append(sorted(lines))
        assert any(f"column {stale!r}" in line and "unchanged" in line for line in lines)
        assert any("'macro'" in line for line in lines)
    assert shown[0] == shown[1]
    assert made.summary["warnings"] == reporter.warnings
