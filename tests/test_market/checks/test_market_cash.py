"""Cash: what a column holds is converted as the configuration says, and refused where it looks like something else."""

import numpy as np
import pandas as pd
import pytest

from market.checks.cash import check_cash_returns, check_cash_values
from market.errors import IntegrityError, SourceError
from market.findings import raise_if_fatal
from market.load import load_panel
from market.readers.prices import FileSettings
from market.values.cash import KINDS, CashColumn

STEPS = {"ME": 12, "W-FRI": 52, "B": 252}
ANNUAL = {
    "as in 1980": 0.14,
    "usual": 0.03,
    "low": 0.0004,
    "zero": 0.0,
    "slightly negative": -0.006,
}


def cash_of(values, kind=None, every="ME"):
    dates = pd.date_range("1980-01-31", periods=len(values), freq=every)
    column = CashColumn("x.csv", "BIL", dates, np.asarray(values, dtype=float), kind)
    groups = (check_cash_values(column), check_cash_returns(column))
    findings = tuple(finding for group in groups for finding in raise_if_fatal(group))
    return column.returns, findings


def step_returns(annual, every, years=5):
    """Return plausible returns of cash: a rate that wanders by a tenth of itself."""
    rng = np.random.default_rng(3)
    rates = annual * (1 + 0.1 * np.sin(np.arange(years * STEPS[every]) / STEPS[every]) + 0.01 * rng.normal())
    return (1 + rates) ** (1 / STEPS[every]) - 1


def as_kind(returns, kind, every):
    """Write returns of one step as somebody would keep them: the inverse of the conversion, but for its timing."""
    annual = (1 + returns) ** STEPS[every] - 1
    return {
        "returns": returns,
        "percent_returns": 100 * returns,
        "prices": 91.6 * np.cumprod(1 + returns),
        "annual_rate": annual,
        "annual_percent": 100 * annual,
    }[kind]


@pytest.mark.parametrize("every", STEPS)
@pytest.mark.parametrize("name", ANNUAL)
def test_returns_of_cash_pass_as_they_are(name, every):
    returns = step_returns(ANNUAL[name], every)
    got, findings = cash_of(returns, every=every)
    np.testing.assert_array_equal(got, returns)
    assert findings == ()


@pytest.mark.parametrize("every", STEPS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_converted_to_what_was_earned(kind, every):
    returns = step_returns(0.05, every)
    got, findings = cash_of(as_kind(returns, kind, every), kind, every)
    if kind.startswith("annual"):
        np.testing.assert_allclose(
            got[1:], returns[:-1], rtol=1e-9
        )  # the rate that was known when the step began
        assert got[0] == pytest.approx(returns[0])
    elif kind == "prices":
        assert np.isnan(got[0])
        np.testing.assert_allclose(got[1:], returns[1:], rtol=1e-9)
    else:
        np.testing.assert_allclose(got, returns, rtol=1e-12)
    assert findings == ()


@pytest.mark.parametrize("every", STEPS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "returns"])
def test_what_is_no_return_is_refused_with_the_conversion(kind, every):
    with pytest.raises(IntegrityError) as refused:
        cash_of(as_kind(step_returns(0.05, every), kind, every), every=every)
    text = str(refused.value)
    assert "x.csv: cash column 'BIL', 19" in text
    assert f"cash: {{column: BIL, values: {kind}}}" in text


@pytest.mark.parametrize(("every", "rows"), [("ME", 6), ("W-FRI", 9), ("B", 40), ("B", 70)])
@pytest.mark.parametrize("kind", ["percent_returns", "annual_percent"])
def test_less_than_a_quarter_without_gaps_is_refused_too(every, rows, kind):
    values = as_kind(step_returns(0.05, every), kind, every)[:rows]
    values[rows // 2] = np.nan  # no quarter of 70 days is without a gap
    with pytest.raises(IntegrityError, match=r"cash column 'BIL'.*looks like"):
        cash_of(values, every=every)


def test_a_level_that_starts_at_one_is_a_price():
    with pytest.raises(
        IntegrityError, match=r"looks like a price or index level: set cash: .*values: prices"
    ):
        cash_of(np.cumprod(1 + step_returns(0.03, "ME")))


@pytest.mark.parametrize(
    ("kind", "values"), [("annual_rate", 5.2), ("returns", 91.6), ("percent_returns", 91.6)]
)
def test_a_wrong_kind_is_refused_too(kind, values):
    with pytest.raises(IntegrityError, match=r"looks like|no cash"):
        cash_of(np.full(60, values), kind)


def test_prices_must_be_above_zero():
    with pytest.raises(IntegrityError, match=r"1980-02-29: 0, expected a price above 0"):
        cash_of([1.0, 0.0, 1.1], "prices")


def test_a_high_rate_is_believed_if_it_was_said_what_it_is():
    with pytest.raises(IntegrityError, match="or values: returns"):
        cash_of(np.full(60, 0.04))
    got, (warning,) = cash_of(np.full(60, 0.04), "returns")
    assert (got == 0.04).all()
    assert warning.severity == "warning"
    assert "48% a year; is it real?" in warning.message


def test_one_wild_day_is_no_alarm():
    returns = step_returns(0.05, "B")
    returns[700:703] = 0.02  # overnight money in a crisis: 500 % a year
    assert cash_of(returns, every="B")[1] == ()


def test_holes_in_prices_and_rates_are_bridged_with_a_warning():
    prices = np.array([100.0, 101.0, np.nan, 103.02])
    got, (warning,) = cash_of(prices, "prices")
    np.testing.assert_allclose(got, [np.nan, 0.01, 0.0, 0.02])
    assert "1980-03-31: no value at 1 date;" in warning.message
    got, (warning,) = cash_of([0.12, np.nan, 0.06, 0.06], "annual_rate")
    np.testing.assert_allclose(got, (1 + np.array([0.12, 0.12, 0.12, 0.06])) ** (1 / 12) - 1)
    assert "the rate before stands" in warning.message


@pytest.mark.parametrize("kind", KINDS)
def test_the_past_of_cash_does_not_depend_on_what_follows(kind):
    values = as_kind(step_returns(0.05, "ME"), kind, "ME")
    values[20] = np.nan if kind not in ("returns", "percent_returns") else values[20]
    whole, _ = cash_of(values, kind)
    for n in (2, 21, 22, 40):
        part, _ = cash_of(values[:n], kind)
        np.testing.assert_array_equal(part, whole[:n])


def passes(values):
    try:
        cash_of(values)
    except IntegrityError:
        return False
    return True


def test_what_passes_as_a_whole_passes_at_every_earlier_date():
    whole = []
    for seed in range(40):  # close to the limit: some parts look worse than the whole
        wild = np.abs(np.random.default_rng(seed).normal(0.0, 0.013, size=60))
        whole.append(passes(wild))
        if whole[-1]:
            assert all(passes(wild[:n]) for n in range(3, 60))
    assert 5 < sum(whole) < 35


# through a file


def write(folder, **columns):
    dates = pd.date_range("2000-01-31", periods=len(next(iter(columns.values()))), freq="ME")
    pd.DataFrame(columns, index=dates.rename("date")).to_csv(folder / "p.csv")
    return folder / "p.csv"


def test_a_file_with_cash_as_prices(tmp_path):
    bill = np.array([91.6, 91.7, 91.9])
    path = write(tmp_path, A=[100.0, 110.0, 99.0], BIL=bill)
    panel, _ = load_panel(
        "prices", path=path, settings=FileSettings(cash={"column": "BIL", "values": "prices"})
    )
    assert panel.assets == ("A",)
    np.testing.assert_allclose(panel.cash, bill[1:] / bill[:-1] - 1)
    with pytest.raises(IntegrityError, match="looks like a price"):
        load_panel("prices", path=path, settings=FileSettings(cash="BIL"))


def test_the_first_price_of_cash_earns_nothing_beside_returns(tmp_path):
    path = write(tmp_path, A=[0.01, 0.02, 0.03], BIL=[91.6, 91.7, 91.9])
    panel, _ = load_panel(
        "prices",
        path=path,
        settings=FileSettings(values="returns", cash={"column": "BIL", "values": "prices"}),
    )
    assert panel.returns[:, 0].tolist() == [0.02, 0.03]
    assert len(panel.cash) == 2


def test_the_market_takes_a_mapping_as_cash_does(tmp_path):
    path = write(tmp_path, A=[100.0, 110.0, 99.0], I=[np.nan, 0.05, -0.04])
    panel, _ = load_panel(
        "prices", path=path, settings=FileSettings(market={"column": "I", "values": "returns"})
    )
    assert panel.market.tolist() == [0.05, -0.04]
    assert panel.assets == ("A",)
    path = write(tmp_path, A=[0.01, 0.02, 0.03], I=[50.0, 51.0, 52.0])
    panel, _ = load_panel(
        "prices",
        path=path,
        settings=FileSettings(values="returns", market={"column": "I", "values": "prices"}),
    )
    np.testing.assert_allclose(panel.market, [np.nan, 0.02, 1 / 51])
    with pytest.raises(SourceError, match="values one of prices, returns"):
        load_panel(
            "prices", path=path, settings=FileSettings(market={"column": "I", "values": "annual_rate"})
        )


@pytest.mark.parametrize("kind", ["prices", "returns"])
def test_a_market_of_another_kind_than_the_assets_is_judged_as_what_it_is(tmp_path, kind):
    rng = np.random.default_rng(5)
    returns = rng.normal(0.005, 0.04, (80, 2))
    held = {"prices": 50 * np.cumprod(1 + returns[:, 0]), "returns": returns[:, 0]}
    level, steps = 2700 * np.cumprod(1 + returns[:, 1]), returns[:, 1]
    market = {"prices": steps, "returns": level}[kind]
    other = {"prices": "returns", "returns": "prices"}[kind]
    path = write(tmp_path, A=held[kind], I=market)
    settings = FileSettings(values=kind, market={"column": "I", "values": other})
    panel, findings = load_panel("prices", path=path, settings=settings)
    assert findings == ()
    expected = steps[1:] if kind == "prices" else np.concatenate([[np.nan], level[1:] / level[:-1] - 1])
    np.testing.assert_array_equal(panel.market, expected)
    market[40] = 2000.0 if kind == "prices" else 2700 * 3000.0
    path = write(tmp_path, A=held[kind], I=market)
    with pytest.raises(
        IntegrityError, match=r"column 'I', .* return of .* in one step, expected at most 1000"
    ):
        load_panel("prices", path=path, settings=settings)


@pytest.mark.parametrize(("kind", "usual"), [("percent_returns", 0.2), ("annual_percent", 2.5)])
def test_codes_for_missing_values_are_no_cash(tmp_path, kind, usual):
    n = 40
    rf = np.full(n, usual)
    rf[20] = -99.99
    path = write(tmp_path, A=50 * 1.01 ** np.arange(n), rf=rf)
    if kind == "annual_percent":  # a rate stands until the next
        panel, findings = load_panel(
            "prices", path=path, settings=FileSettings(cash={"column": "rf", "values": kind})
        )
        assert panel.cash.min() > 0
        assert "missing code" in [finding.check for finding in findings]
    else:
        with pytest.raises(IntegrityError, match="cash return is nan"):
            load_panel("prices", path=path, settings=FileSettings(cash={"column": "rf", "values": kind}))
    rf[20] = -99.0
    with pytest.raises(IntegrityError, match="cash column 'rf'"):
        load_panel(
            "prices",
            path=write(tmp_path, A=50 * 1.01 ** np.arange(n), rf=rf),
            settings=FileSettings(cash={"column": "rf", "values": kind}),
        )


def test_cash_that_starts_late_is_refused_with_the_remedy(tmp_path):
    path = write(tmp_path, A=[100.0, 110.0, 99.0, 98.0], BIL=[np.nan, np.nan, 91.6, 91.7])
    cash = {"column": "BIL", "values": "prices"}
    with pytest.raises(IntegrityError, match=r"set data\.start: 2000-04-30, where cash has returns"):
        load_panel("prices", path=path, settings=FileSettings(cash=cash))
    panel, _ = load_panel(
        "prices", path=path, start=pd.Timestamp("2000-04-30").date(), settings=FileSettings(cash=cash)
    )
    assert panel.cash.tolist() == [91.7 / 91.6 - 1]
