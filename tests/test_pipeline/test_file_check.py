"""`tangency check`: its answer, its exit codes, its page and its repairs, on files as people have them."""

import json
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from market.checks.fixes import _FIXES
from market.load import load_panel
from operations.cli.main import load_commands
from pipeline.cli import main as cli
from pipeline.file_check.examination import examine_file
from pipeline.file_check.page import render_examination
from pipeline.file_check.request import NOT_OPTIONS, request_by_options
from pipeline.settings.data import DataSection

KEYS = [
    "kind", "frequency", "assets", "rows", "first", "last", "last_values", "missing", "interpretations",
    "ignored_columns", "findings",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _commands():
    load_commands()


def tangency(monkeypatch, capsys, *arguments):
    """Run the command in this process, and return its exit code and what it printed."""
    monkeypatch.setattr(sys, "argv", ["tangency", *map(str, arguments)])
    try:
        cli.main()
        code = 0
    except SystemExit as stopped:
        code = stopped.code
    out, err = capsys.readouterr()
    return code, out, err


def returns_of(rows=300, columns=4, seed=0):
    return np.random.default_rng(seed).normal(0.0004, 0.01, (rows, columns))


def write(path, values, start="2015-01-01", freq="B", **options):
    dates = pd.date_range(start, periods=len(values), freq=freq)
    frame = pd.DataFrame(values, index=dates, columns=[f"A{n}" for n in range(values.shape[1])])
    frame.rename_axis("date").to_csv(path, **options)
    return path


def prices(path, **options):
    return write(path, 50 * np.cumprod(1 + returns_of(), axis=0), **options)


def test_the_answer_has_exactly_the_documented_keys(tmp_path, monkeypatch, capsys):
    values = 50 * np.cumprod(1 + returns_of(), axis=0)
    values[10, 2] = np.nan
    file = write(tmp_path / "p.csv", values)
    code, out, err = tangency(monkeypatch, capsys, "check", file, "--json")
    answer = json.loads(out)
    assert (code, err) == (1, "")
    assert list(answer) == KEYS
    assert answer["kind"] == "prices"
    assert answer["frequency"] == "daily"
    assert answer["assets"] == ["A0", "A1", "A2", "A3"]
    assert (answer["rows"], answer["first"], answer["last"]) == (300, "2015-01-01", "2016-02-24")
    assert answer["last_values"] == pytest.approx(dict(zip(answer["assets"], values[-1], strict=True)))
    assert answer["missing"] == ["A2 2015-01-15"]
    (finding,) = answer["findings"]
    assert list(finding) == ["check", "severity", "asset", "date", "message", "fix"]
    assert finding["check"] == "missing value"
    assert finding["fix"]


def test_returns_in_percent_are_recognised_and_the_setting_is_named(tmp_path, monkeypatch, capsys):
    values = 100 * returns_of()
    values[-1, 3] = -99.99
    file = write(tmp_path / "r.csv", values, freq="ME")
    code, out, _ = tangency(monkeypatch, capsys, "check", file, "--json")
    answer = json.loads(out)
    assert code == 1, "a code of a missing value is a warning"
    assert answer["kind"] == "returns"
    assert answer["frequency"] == "monthly"
    assert answer["last_values"]["A0"] == pytest.approx(values[-1, 0] / 100)
    assert answer["last_values"]["A3"] == pytest.approx(values[-2, 3] / 100)
    assert answer["missing"] == [f"A3 {answer['last']}"]
    (line,) = answer["interpretations"]
    assert "data.values: percent_returns" in line
    panel, _ = load_panel(
        "prices", path=file, settings=request_by_options([file], {"values": "percent_returns"}).settings
    )
    assert panel.returns[-1, 0] == answer["last_values"]["A0"]


def test_a_stated_kind_is_kept(tmp_path):
    file = write(tmp_path / "r.csv", returns_of())
    assert examine_file(request_by_options([file], {})).as_dict()["kind"] == "returns"
    forced = examine_file(request_by_options([file], {"values": "prices"}))
    assert forced.as_dict()["kind"] == "prices"
    assert forced.exit_code == 2


def test_a_long_table_of_returns_alone_is_read(tmp_path):
    file = tmp_path / "long.csv"
    dates = pd.date_range("2020-01-31", periods=40, freq="ME")
    wide = pd.DataFrame(returns_of(40, 2), index=dates, columns=["X", "Y"]).rename_axis("date")
    wide.melt(ignore_index=False, var_name="symbol", value_name="ret").to_csv(file)
    done = examine_file(request_by_options([file], {}))
    assert (done.as_dict()["kind"], done.assets, done.exit_code) == ("returns", ("X", "Y"), 0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text, 0),
        (lambda text: text.replace(",", ",abc", 1), 0),  # a name of a column
        (lambda text: text[:-1], 1),  # no line end
        (lambda text: text + text.splitlines()[-1] + "\n", 2),
        (lambda text: "nothing\n", 2),
        (lambda text: "", 2),
    ],
)
def test_exit_codes_follow_the_severity(tmp_path, monkeypatch, capsys, change, code):
    file = prices(tmp_path / "p.csv")
    file.write_text(change(file.read_text()))
    assert tangency(monkeypatch, capsys, "check", file)[0] == code
    found, out, _ = tangency(monkeypatch, capsys, "check", file, "--json")
    assert found == code
    assert list(json.loads(out)) == KEYS


def test_all_fatal_findings_are_listed_with_what_was_read(tmp_path):
    values = 50 * np.cumprod(1 + returns_of(), axis=0)
    values[20, 0], values[30, 1] = -1, 0
    answer = examine_file(request_by_options([write(tmp_path / "p.csv", values)], {})).as_dict()
    assert [f["asset"] for f in answer["findings"] if f["severity"] == "fatal"] == ["A0", "A1"]
    assert answer["kind"] == "prices"
    assert answer["rows"] == 300


def test_a_missing_file_and_a_wrong_call_are_one_message(tmp_path, monkeypatch, capsys):
    code, out, _ = tangency(monkeypatch, capsys, "check", tmp_path / "none.csv", "--json")
    assert code == 2
    assert "does not exist" in json.loads(out)["findings"][0]["message"]
    for arguments, words in (
        ([], "give a FILE, or --config"),
        ([tmp_path / "p.csv", "--config", "c.yaml"], "give a FILE, or --config"),
        ([tmp_path / "p.csv", "--values", "euros"], "--values: Input should be 'prices'"),
        ([tmp_path / "p.csv", "--cash", "{column: a"], "not valid YAML"),
    ):
        code, _, err = tangency(monkeypatch, capsys, "check", *arguments)
        assert code == 2
        assert words in err


def test_every_key_of_the_section_data_is_an_option(monkeypatch, capsys):
    _, out, _ = tangency(monkeypatch, capsys, "check", "--help")
    for key in DataSection.model_fields:
        assert (f"--{key.replace('_', '-')} " in out) == (key not in NOT_OPTIONS)


def test_a_configuration_says_how_to_read_its_file(tmp_path, monkeypatch, capsys):
    file = write(tmp_path / "r.csv", 100 * returns_of(2000))
    config = tmp_path / "c.yaml"
    config.write_text(f"name: c\ndata: {{path: {file}, values: percent_returns}}\noutput: {tmp_path}/runs\n")
    code, out, _ = tangency(monkeypatch, capsys, "check", "--config", config, "--json")
    answer = json.loads(out)
    assert (code, answer["kind"], answer["interpretations"]) == (0, "returns", [])
    code, _, err = tangency(monkeypatch, capsys, "check", "--config", config, "--values", "prices")
    assert code == 2
    assert "leave the options out" in err


def test_a_file_cut_anywhere_is_not_refused_if_the_whole_is_accepted(tmp_path):
    values = 50 * np.cumprod(1 + returns_of(400), axis=0)
    values[200:, 1] *= 100
    values[300, 2] *= 1.5
    for rows in (400, 320, 301, 250, 201, 120, 40):
        file = write(tmp_path / "p.csv", values[:rows])
        assert examine_file(request_by_options([file], {})).exit_code < 2


def test_the_page_shows_findings_and_escapes_names(tmp_path, monkeypatch, capsys):
    values = 50 * np.cumprod(1 + returns_of(), axis=0)
    values[100, 2] *= 1.6
    dates = pd.date_range("2015-01-01", periods=300, freq="B")
    file = tmp_path / "p.csv"
    names = ["A", "<b>x</b>", "<script>alert(1)</script>", "D"]
    pd.DataFrame(values, index=dates, columns=names).rename_axis("date").to_csv(file)
    page = tmp_path / "out" / "p.html"
    code, out, _ = tangency(monkeypatch, capsys, "check", file, "--html", page)
    assert code == 1
    assert str(page) in out
    text = page.read_text()
    assert "bad tick" in text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert text.count("<svg") == 2
    assert text.count("<circle") >= 1, "a dot where the finding is"


def test_the_page_of_an_unreadable_file_has_no_plot(tmp_path):
    page = render_examination(examine_file(request_by_options([tmp_path / "none.csv"], {})))
    assert "does not exist" in page
    assert "<svg" not in page


DIRTY = """ Date ,AAA , BBB,CCC
2024-01-03,10.3, 20.3 ,
2024-01-02,10.1,20.1,
2024-01-02,10.1,20.1,
2024-01-04,,,
2024-01-05,10.4,20.2,
"""


def test_a_repaired_copy_is_clean_and_the_original_untouched(tmp_path, monkeypatch, capsys):
    file, copy = tmp_path / "dirty.csv", tmp_path / "clean.csv"
    file.write_text(DIRTY)
    code, out, _ = tangency(monkeypatch, capsys, "check", file, "--fix", copy)
    assert code == 2, "the exit code is of the original"
    assert file.read_text() == DIRTY
    assert (
        copy.read_text() == "Date,AAA,BBB\n2024-01-02,10.1,20.1\n2024-01-03,10.3,20.3\n2024-01-05,10.4,20.2\n"
    )
    done = (tmp_path / "clean.csv.changes.txt").read_text()
    for words in (
        "names of columns",
        "1 cell",
        "'CCC'",
        "1 row without any value",
        "'2024-01-02'",
        "oldest first",
    ):
        assert words in done
        assert words in out
    assert tangency(monkeypatch, capsys, "check", copy)[0] == 0


def test_a_repair_never_overwrites(tmp_path, monkeypatch, capsys):
    file, copy = tmp_path / "dirty.csv", tmp_path / "clean.csv"
    file.write_text(DIRTY)
    for taken in (copy, tmp_path / "clean.csv.changes.txt"):
        taken.write_text("mine")
        code, _, err = tangency(monkeypatch, capsys, "check", file, "--fix", copy)
        assert code == 2
        assert "exists already" in err
        assert taken.read_text() == "mine"
        taken.unlink()
    code, _, err = tangency(monkeypatch, capsys, "check", file, "--fix", file)
    assert "exists already" in err
    code, _, err = tangency(monkeypatch, capsys, "check", file, "--fix", tmp_path / "x.parquet")
    assert "expected a name that ends in .csv" in err


def test_two_values_of_one_date_are_left_to_the_user(tmp_path, monkeypatch, capsys):
    file, copy = tmp_path / "two.csv", tmp_path / "clean.csv"
    file.write_text("date,A,B\n2024-01-02,1.5,2\n2024-01-03,1.6,2.1\n2024-01-03,1.6,2.2\n")
    code, out, _ = tangency(monkeypatch, capsys, "check", file, "--fix", copy)
    assert code == 2
    assert "nothing to repair" in out
    assert tangency(monkeypatch, capsys, "check", copy)[0] == 2


def test_percent_is_divided_exactly_and_only_if_declared(tmp_path, monkeypatch, capsys):
    file = tmp_path / "r.csv"
    cells = [["-1.65", "0.1", "3.3"], ["8.66", "-99.99", "0.07"], ["5.26", "-0.3", "-2"]]
    lines = [f"{m},{','.join(row)}" for m, row in zip((202310, 202311, 202312), cells, strict=True)]
    file.write_text("yyyymm,A,B,RF\n" + "\n".join(lines) + "\n")
    copy = tmp_path / "copy.csv"
    tangency(monkeypatch, capsys, "check", file, "--fix", copy)
    assert copy.read_text() == file.read_text()
    copy.unlink()
    (tmp_path / "copy.csv.changes.txt").unlink()
    cash = "{column: RF, values: percent_returns}"
    tangency(monkeypatch, capsys, "check", file, "--values", "percent_returns", "--cash", cash, "--fix", copy)
    written = [line.split(",")[1:] for line in copy.read_text().splitlines()[1:]]
    for got, given in zip(written, cells, strict=True):
        for n, (new, old) in enumerate(zip(got, given, strict=True)):
            if n == 2:
                assert new == old, "cash says its own unit"
            elif old == "-99.99":
                assert new == ""
            else:
                assert Decimal(new) == Decimal(old) / 100


def test_percent_that_is_no_plain_number_is_refused(tmp_path, monkeypatch, capsys):
    file, copy = tmp_path / "r.csv", tmp_path / "copy.csv"
    file.write_text("yyyymm,A,B\n202310,-1.65,1\n202311,8.66,2 %\n202312,.,3\n")
    code, _, err = tangency(monkeypatch, capsys, "check", file, "--values", "percent_returns", "--fix", copy)
    assert code == 2
    assert "'2 %' is no plain number" in err
    assert not copy.exists()


def test_a_parquet_file_keeps_its_types(tmp_path, monkeypatch, capsys):
    file, copy = tmp_path / "p.parquet", tmp_path / "c.parquet"
    frame = pd.DataFrame(
        {"date": pd.date_range("2024-01-01", periods=4)[::-1], "A": [4.0, 3, 2, 1], "B": [np.nan] * 4}
    )
    frame.to_parquet(file, index=False)
    tangency(monkeypatch, capsys, "check", file, "--fix", copy)
    pd.testing.assert_frame_equal(
        pd.read_parquet(copy), frame[["date", "A"]].iloc[::-1].reset_index(drop=True)
    )


def test_every_check_of_the_list_has_a_fix():
    assert all(_FIXES.values())


def bars_of(path, seed):
    price = 50 * np.cumprod(1 + returns_of(300, 1, seed=seed)[:, 0])
    dates = pd.date_range("2015-01-01", periods=300, freq="B", name="Date")
    pd.DataFrame({"High": price * 1.01, "Low": price * 0.99, "Adj Close": price}, index=dates).to_csv(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "prices").mkdir()
    for seed, name in enumerate(("KO", "PEP", "T")):
        bars_of(tmp_path / "prices" / f"{name}.csv", seed)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [["prices"], ["prices/*.csv"], ["prices/KO.csv", "prices/PEP.csv", "prices/T.csv"]],
    ids=["folder", "pattern", "several"],
)
def test_several_files_are_read_together(folder, monkeypatch, capsys, arguments):
    code, out, _ = tangency(monkeypatch, capsys, "check", *arguments, "--json")
    answer = json.loads(out)
    assert (code, sorted(answer["assets"]), answer["rows"]) == (0, ["KO", "PEP", "T"], 300)
    assert sum(finding["check"] == "one asset" for finding in answer["findings"]) == 3
    code, _, err = tangency(monkeypatch, capsys, "check", *arguments, "--fix", "clean.csv")
    assert code == 2
    assert "--fix takes one file" in err
    assert not (folder / "clean.csv").exists()


def test_files_that_disagree_are_a_fatal_finding(folder, monkeypatch, capsys):
    (folder / "more").mkdir()
    bars_of(folder / "more" / "KO.csv", seed=7)
    code, out, _ = tangency(monkeypatch, capsys, "check", "prices", "more/KO.csv", "--json")
    (finding,) = [each for each in json.loads(out)["findings"] if each["severity"] == "fatal"]
    assert code == 2
    assert "KO" in finding["message"]


def test_a_workbook_is_checked_and_repaired_under_its_own_name(tmp_path, monkeypatch, capsys):
    pytest.importorskip("openpyxl")
    monkeypatch.chdir(tmp_path)
    values = 50 * np.cumprod(1 + returns_of(), axis=0)
    values[40, 1] *= 1.7
    dates = pd.date_range("2015-01-01", periods=300, freq="B", name="date")
    frame = pd.DataFrame(values, index=dates, columns=["A", "B", "C", "D"])
    frame.assign(E=np.nan).to_excel("book.xlsx")
    code, out, _ = tangency(monkeypatch, capsys, "check", "book.xlsx", "--fix", "clean.csv")
    assert code == 2, "a column without any value"
    assert "book.xlsx" in out
    assert ".parquet" not in out
    code, out, _ = tangency(monkeypatch, capsys, "check", "clean.csv", "--json")
    answer = json.loads(out)
    assert code == 1
    assert answer["assets"] == ["A", "B", "C", "D"]
    assert answer["last_values"] == pytest.approx(dict(zip("ABCD", values[-1], strict=True)), rel=1e-14)
    assert tangency(monkeypatch, capsys, "check", "book.xlsx", "--sheet", "no")[0] == 2
    code, _, err = tangency(monkeypatch, capsys, "check", "book.xlsx", "--fix", "clean.xlsx")
    assert code == 2
    assert "ends in .csv or .parquet" in err


def test_intraday_rows_need_sessions(tmp_path, monkeypatch, capsys):
    stamps = pd.date_range("2021-01-01", periods=24 * 90, freq="h", name="date")
    values = 50 * np.cumprod(1 + returns_of(len(stamps), 2), axis=0)
    file = tmp_path / "hours.csv"
    pd.DataFrame(values, index=stamps, columns=["X", "Y"]).to_csv(file)
    code, out, _ = tangency(monkeypatch, capsys, "check", file, "--json")
    (finding,) = json.loads(out)["findings"]
    assert code == 2
    assert "set data.sessions" in finding["fix"]
    code, out, _ = tangency(monkeypatch, capsys, "check", file, "--sessions", "UTC", "--json")
    assert json.loads(out)["rows"] == 90


def test_quarters_are_dated_at_their_ends(tmp_path):
    quarters = pd.period_range("2001Q1", periods=60, freq="Q")
    values = 50 * np.cumprod(1 + returns_of(60, 3), axis=0)
    file = tmp_path / "q.csv"
    pd.DataFrame(values, index=quarters.astype(str), columns=["A", "B", "C"]).rename_axis("quarter").to_csv(
        file
    )
    answer = examine_file(request_by_options([file], {})).as_dict()
    assert (answer["frequency"], answer["first"], answer["last"]) == ("quarterly", "2001-03-31", "2015-12-31")


def test_the_unit_of_returns_is_printed(tmp_path, monkeypatch, capsys):
    percent = write(tmp_path / "p.csv", 100 * returns_of())
    fractions = write(tmp_path / "f.csv", returns_of())
    assert "returns in percent (inferred)" in tangency(monkeypatch, capsys, "check", percent)[1]
    assert "returns, as fractions (inferred)" in tangency(monkeypatch, capsys, "check", fractions)[1]
    out = tangency(monkeypatch, capsys, "check", percent, "--values", "returns", "--scale", "percent")[1]
    assert "returns in percent" in out
    assert "inferred" not in out


def test_other_files_of_a_configuration_are_checked_as_a_run_reads_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "p.csv", 50 * np.cumprod(1 + returns_of(2000), axis=0))
    months = pd.date_range("2015-01-31", periods=80, freq="ME", name="date")
    pd.DataFrame({"rate": np.linspace(1, 2, 80)}, index=months).to_csv("rate.csv")
    (tmp_path / "members.csv").write_text("asset,from,to\nA0,2015-01-01,\nA1,2016-01-01,\nA9,2015-01-01,\n")
    others = "  universe: {path: members.csv}\n  series:\n    rate: {path: rate.csv, lag: 1 month}\n"
    (tmp_path / "c.yaml").write_text(f"name: c\ndata:\n  path: p.csv\n{others}")
    code, out, err = tangency(monkeypatch, capsys, "check", "--config", "c.yaml", "--json")
    findings = json.loads(out)["findings"]
    assert (code, err) == (1, "")
    assert any("A9" in finding["message"] for finding in findings), "a member without prices"
    (tmp_path / "rate.csv").write_text("date,rate\n2015-01-31,x\n")
    code, out, _ = tangency(monkeypatch, capsys, "check", "--config", "c.yaml", "--json")
    assert code == 2
    assert "rate.csv" in json.loads(out)["findings"][-1]["message"]


def test_values_that_changed_since_the_last_version_are_found(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    values = 50 * np.cumprod(1 + returns_of(2000), axis=0)
    write(tmp_path / "p.csv", values)
    months = pd.date_range("2015-01-31", periods=95, freq="ME", name="date")
    pd.DataFrame({"rate": np.linspace(1, 2, 95)}, index=months).to_csv("rate.csv")
    series = "  series:\n    rate: {path: rate.csv, lag: 1 month}\n"
    (tmp_path / "c.yaml").write_text(f"name: c\ndata:\n  path: p.csv\n{series}")
    assert tangency(monkeypatch, capsys, "update", "--config", "c.yaml")[0] == 0
    code, out, _ = tangency(monkeypatch, capsys, "check", "--config", "c.yaml", "--json")
    assert (code, [f["check"] for f in json.loads(out)["findings"] if f["severity"] == "warning"]) == (0, [])
    values[300, 1] *= 1.001
    write(tmp_path / "p.csv", values)
    code, out, _ = tangency(monkeypatch, capsys, "check", "--config", "c.yaml", "--json")
    (finding,) = [f for f in json.loads(out)["findings"] if f["severity"] == "warning"]
    assert (code, finding["check"]) == (1, "changed since the last version")
