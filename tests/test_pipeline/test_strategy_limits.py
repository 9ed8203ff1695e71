"""Every kind of strategy against every limit of the run: kept at every decision, or refused before anything is fitted.

The table is the one of docs/strategies.md; a kind or a limit without an entry fails.
"""

import copy
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from own_prices import settings
from pydantic import ValidationError
from regime_paths import path_of
from synthetic import make_panel

from allocation.decision_status import DecisionStatus
from allocation.policies.portfolio_state import PortfolioState
from allocation.weights import Weights
from market.scores import ScoreTable
from models.forecast import Forecast
from models.target import scale_labels, trailing_risk
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.preflight.feasibility import check_limits
from pipeline.settings.limit_keys import ALL
from pipeline.stages.schedule import Schedule
from pipeline.stages.trading import backtest, make_covariances, make_policies
from pipeline.strategies.registry import KINDS
from validation.folds.labels import forward_excess_returns
from validation.folds.walk_forward import WalkForward

N = 8
LATE = 1e-6
"""How far a limit may be missed: the allocator's own tolerance."""


def allocation(**limits):
    return {"allocation": limits}


FIRST, SECOND = 0, 1
SCORES = np.arange(N, 0.0, -1.0)
SETTINGS = {
    "cash": [
        allocation(cash_minimum=0.05, cash_maximum=0.10),
        allocation(cash_maximum=1.0),
        allocation(cash_minimum=0.1, cash_maximum=0.1),
    ],
    "minimum": [allocation(minimum=0.02)],
    "maximum": [allocation(maximum=0.2)],
    "overrides": [allocation(overrides={FIRST: {"minimum": 0.13, "maximum": 0.16}})],
    "groups": [allocation(groups={"g": {"assets": [FIRST, SECOND], "minimum": 0.1, "maximum": 0.21}})],
    "linear": [allocation(linear={"x": {"coefficients": {FIRST: 1.0, SECOND: 2.0}, "maximum": 0.3}})],
    "turnover": [allocation(turnover=0.3)],
    "leverage": [allocation(leverage=0.9, cash_maximum=0.5), allocation(minimum=-0.2, leverage=1.5)],
    "shorts": [allocation(minimum=-0.3)],
    "annual_volatility": [allocation(annual_volatility=0.12, cash_maximum=1.0)],
    "annual_tracking_error": [
        allocation(annual_tracking_error=0.03, benchmark={FIRST: 0.5, SECOND: 0.5}),
    ],
    "positions": [allocation(positions={"maximum": 4, "minimum_weight": 0.05})],
    "esg": [
        allocation(esg={"exclude_below": 2.0}),
        allocation(esg={"floor": 4.0}),
    ],
    "esg.tilt": [allocation(esg={"tilt": 0.001})],
    "impact": [{"impact_rate": 0.1}],
}
"""Settings of the run by limit; indices stand for assets."""

KEPT, CHECKED, REFUSED, CHARGED = "kept", "checked", "refused", "charged"
ROWS = {
    "run": (dict.fromkeys(SETTINGS, KEPT)),
    "aim": dict.fromkeys(SETTINGS, KEPT) | {"esg.tilt": REFUSED},
    "mixture": dict.fromkeys(SETTINGS, KEPT)
    | dict.fromkeys(("annual_volatility", "annual_tracking_error"), REFUSED),
    "tactical": dict.fromkeys(SETTINGS, KEPT) | {"annual_tracking_error": REFUSED},
    "bounds": dict.fromkeys(SETTINGS, REFUSED)
    | dict.fromkeys(("cash", "minimum", "maximum", "overrides", "shorts"), KEPT)
    | {"impact": CHARGED},
    "stated": dict.fromkeys(SETTINGS, CHECKED)
    | dict.fromkeys(("turnover", "annual_volatility", "annual_tracking_error", "esg.tilt"), REFUSED)
    | {"impact": CHARGED},
    "composed": dict.fromkeys(SETTINGS, REFUSED) | {"impact": CHARGED},
}
ROWS["linear bounds"] = ROWS["bounds"] | {"groups": KEPT}
TABLE = {
    "mean_variance": ROWS["run"],
    "regime_mixture": ROWS["mixture"],
    "black_litterman": ROWS["run"],
    "aim": ROWS["aim"],
    "tactical": ROWS["tactical"],
    "risk_parity": ROWS["bounds"],
    "hierarchical_risk_parity": ROWS["bounds"],
    "maximum_diversification": ROWS["linear bounds"],
    "maximum_sharpe": ROWS["linear bounds"],
    "cvar": ROWS["linear bounds"],
    "kelly": ROWS["linear bounds"],
    "strategic": ROWS["stated"],
    "sixty_forty": ROWS["stated"],
    "permanent": ROWS["stated"],
    "all_weather": ROWS["composed"],
    "endowment": ROWS["composed"],
    "core_satellite": ROWS["composed"],
    "regime": ROWS["composed"],
    "volatility_target": ROWS["composed"],
    "drawdown_control": ROWS["composed"],
}
"""By kind and limit: kept, checked (kept, or refused, by what is stated), refused, or charged but not weighed."""

OWN_CASH = (ROWS["stated"], ROWS["tactical"], ROWS["composed"])
"""Kinds that state how much cash they hold, where the run does not limit it."""

SECTIONS = {
    "mean_variance": {"forecast": "zero"},
    "regime_mixture": {},
    "black_litterman": {"forecast": "zero"},
    "aim": {"forecast": "zero"},
    "tactical": {"strategic": "equal_weight", "forecast": "zero", "deviation": 0.15, "cash": 1.0},
    "risk_parity": {},
    "hierarchical_risk_parity": {},
    "maximum_diversification": {},
    "maximum_sharpe": {"forecast": "zero"},
    "cvar": {},
    "kelly": {"fraction": 0.5},
    "strategic": {"weights": dict.fromkeys(range(N), 0.115)},
    "sixty_forty": {"stocks": [0, 1, 2, 3], "bonds": [4, 5, 6, 7]},
    "permanent": {"stocks": [0, 1], "bonds": [2, 3], "gold": [4, 5], "cash": [6, 7]},
    "all_weather": {
        "rising_growth": [0, 1],
        "falling_growth": [2, 3],
        "rising_inflation": [4, 5],
        "falling_inflation": [6, 7],
    },
    "endowment": {
        "classes": {"a": {"target": 0.6, "assets": [0, 1, 2]}, "b": {"target": 0.3, "assets": [5]}}
    },
    "core_satellite": {"core": "equal_weight", "satellite": "model:zero"},
    "regime": {"portfolios": ["equal_weight", "model:zero"], "how": "mix"},
    "volatility_target": {"base": "model:zero", "volatility": 0.1},
    "drawdown_control": {"base": "model:zero", "floor": 0.7},
}


class World:
    """What a run has before it allocates, on a small panel; forecasts are random, and nothing is fitted."""

    def __init__(self, folder):
        rng = np.random.default_rng(5)
        panel = make_panel("monthly", macro=False, n_dates=150, n_assets=N, seed=2)
        returns = np.where(np.isfinite(panel.returns), panel.returns, rng.normal(0, 0.03, (150, N)))
        stamp = pd.DatetimeIndex([panel.dates[0]] * N)
        scores = ScoreTable("scores", panel.assets, np.arange(N), stamp, stamp, SCORES, 99_999)
        self.panel, self.folder = replace(panel, returns=returns, scores=scores), folder
        self.mean = rng.normal(0.004, 0.01, (150, N))
        rows = np.arange(150)
        blank = np.zeros((150, N))
        self.forecast = Forecast(
            "zero", rows, 1, self.mean, blank + 0.01, self.mean, np.ones(150), np.full(150, 0.1)
        )
        p = rng.uniform(0, 1, 150)
        self.regimes = path_of(np.column_stack([p, 1 - p]), anomaly=p)
        labels = forward_excess_returns(self.panel, 1, 0)
        target = scale_labels(labels, trailing_risk(self.panel, 24, 1), relative=True)
        walk = WalkForward(labels.end, first_test=90, refit_every=12)
        self.schedule = Schedule(labels, target, walk, walk.folds(), (), 0, np.arange(110, 150, 4))

    def config(self, kind, setting, **section):
        def asset(value):
            """Return indices that stand for assets, as keys and in lists, as their names."""
            if isinstance(value, dict):
                return {self.panel.assets[k] if isinstance(k, int) else k: asset(v) for k, v in value.items()}
            if isinstance(value, list):
                return [self.panel.assets[v] if isinstance(v, int) else v for v in value]
            return value

        content = settings(self.folder, 150)
        content["models"] = {"zero": {"kind": "zero"}}
        content["allocation"] = {
            "forecast": "zero",
            "rebalance_every": 4,
            "covariance_window": 60,
            "min_history": 24,
        } | asset(setting.get("allocation", {}))
        if "esg" in content["allocation"]:
            content["allocation"]["esg"] |= {"path": "scores.csv", "max_age_days": 99_999}
        content |= {k: v for k, v in setting.items() if k != "allocation"}
        content["strategies"] = {"mine": {"kind": kind} | asset(SECTIONS[kind]) | section}
        return RunConfig.model_validate(content)

    def run(self, config):
        """Return the strategy's simulated portfolio, after all that a run checks before it fits."""
        check_limits(self.panel, self.schedule, config)
        covariances = make_covariances(self.panel, self.schedule, self.regimes, config)
        policies = make_policies(
            self.panel, self.schedule, {"zero": self.forecast}, covariances, self.regimes, config
        )
        return backtest("mine", policies["strategy:mine"], self.panel, self.schedule, config), covariances


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("limits"))


def of_weights(world, config, w, cash):
    """Yield by how much each limit on weights is missed; cash counts where it is limited, or weights are optimised."""
    a, assets = config.allocation, world.panel.assets
    kind = config.strategies["mine"].kind
    if (a.cash_minimum, a.cash_maximum) != (0, 0) or TABLE[kind] not in OWN_CASH:
        yield "cash", max(a.cash_minimum - cash, cash - a.cash_maximum)
    pairs = [a.overrides.get(one, a) for one in assets]
    yield "minimum", max(pair.minimum - weight for pair, weight in zip(pairs, w, strict=True))
    yield "maximum", max(weight - pair.maximum for pair, weight in zip(pairs, w, strict=True))
    of = dict(zip(assets, w.tolist(), strict=True))
    for group in a.groups.values():
        total = sum(of[one] for one in group.assets)
        yield "groups", max(group.minimum - total, total - group.maximum)
    for linear in a.linear.values():
        yield "linear", sum(c * of[one] for one, c in linear.coefficients.items()) - linear.maximum
    if a.leverage is not None:
        yield "leverage", np.abs(w).sum() - a.leverage
    if a.positions is not None:
        held = np.abs(w[w != 0])
        yield "positions", max(len(held) - a.positions.maximum, a.positions.minimum_weight - held.min())
    if a.esg is not None and a.esg.exclude_below is not None:
        yield "excluded", np.abs(w[a.esg.exclude_below > SCORES]).max()
    if a.esg is not None and a.esg.floor is not None:
        yield "floor", -(w @ (SCORES - a.esg.floor))


def of_risk(world, config, w, sigma):
    """Yield by how much each limit on risk is missed."""
    a, root = config.allocation, np.sqrt(1 / world.panel.periods_per_year)
    if a.annual_volatility is not None:
        yield "volatility", np.sqrt(w @ sigma @ w) - a.annual_volatility * root
    if a.annual_tracking_error is not None:
        active = w - np.array([a.benchmark.get(one, 0.0) for one in world.panel.assets])
        yield "tracking error", np.sqrt(active @ sigma @ active) - a.annual_tracking_error * root


def breaches(world, config, result, covariances):
    """Return each limit of the configuration that a target breaks, computed from the targets alone."""
    found = []
    for d, row in enumerate(result.decisions.tolist()):
        w = result.targets[d]
        sizes = [*of_weights(world, config, w, result.target_cash[d])]
        sizes += [*of_risk(world, config, w, covariances.at(row)[0])]
        limit = config.allocation.turnover
        # The first trade, out of cash, has to be larger; that is said and counted.
        if limit is not None and not (d == 0 and DecisionStatus.RELAXED in result.statuses[d]):
            sizes.append(("turnover", result.turnover[d] - limit))
        found += [(row, what, float(size)) for what, size in sizes if size > LATE]
    return found


CELLS = [
    pytest.param(kind, limit, setting, id=f"{kind}-{limit}-{k}")
    for kind, row in TABLE.items()
    for limit in row
    for k, setting in enumerate(SETTINGS[limit])
]


def refusal(action):
    """Return what a user would be told, or None; and what the action gave."""
    try:
        return None, action()
    except ValidationError as error:
        return error.errors()[0]["msg"], None
    except RunError as error:
        return str(error), None


@pytest.mark.parametrize(("kind", "limit", "setting"), CELLS)
def test_a_limit_is_kept_at_every_decision_or_refused_before_fitting(world, kind, limit, setting):
    expected = TABLE[kind][limit]
    message, config = refusal(lambda: world.config(kind, setting))
    assert (message is not None) == (expected == REFUSED)
    if message is not None:
        assert f"strategies.mine: the kind {kind} does not keep allocation." in message
        exempt = re.search(r"write exempt: \[(.*?)\]", message)[1].split(", ")
        assert set(exempt) == {key for key in ALL if f"allocation.{key}" in re.split(r"[ ,;]+", message)}
        result, _ = world.run(world.config(kind, setting, exempt=exempt))
        assert len(result.decisions), "with what the message says it runs"
        return
    message, ran = refusal(lambda: world.run(config))
    if message is not None:
        assert expected == CHECKED
        assert re.match(
            r"strategies\.mine, at \d{4}-\d\d-\d\d: the weights that it states break a limit", message
        )
        result, covariances = world.run(world.config(kind, setting, exempt=sorted(ALL)))
        assert breaches(world, config, result, covariances), "it was refused for a reason"
        return
    result, covariances = ran
    assert len(result.decisions) == len(world.schedule.decisions) or expected in (CHECKED, CHARGED)
    assert not breaches(world, config, result, covariances)


def test_every_kind_and_every_limit_has_an_entry():
    assert set(TABLE) == set(SECTIONS) == set(KINDS)
    assert set(SETTINGS) == ALL | {"shorts", "impact"}
    assert all(set(row) == set(SETTINGS) for row in TABLE.values())


@pytest.mark.parametrize("kind", [kind for kind, row in TABLE.items() if row["impact"] == KEPT])
def test_impact_is_weighed(world, kind):
    """The first trade out of cash aside, trades that cost more are smaller."""
    dear, _ = world.run(world.config(kind, {"impact_rate": 0.4, "cost_rate": 0.001}))
    cheap, _ = world.run(world.config(kind, {"cost_rate": 0.001}))
    assert dear.turnover[1:-1].sum() < 0.8 * cheap.turnover[1:-1].sum()


def test_the_table_of_the_documentation_is_this_one():
    page = (Path(__file__).parents[2] / "docs" / "strategies.md").read_text(encoding="utf-8")
    section = page.split("## Limits of the run")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    header = [cell.strip().strip("`") for cell in lines[0].strip("|").split("|")][1:]
    rows = {}
    for line in lines[1:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for kind in re.findall(r"`(\w+)`", cells[0]):
            rows[kind] = dict(zip(header, cells[1:], strict=True))
    assert rows == TABLE


def test_a_half_kelly_investor_flees_falling_prices(world):
    """With all cash allowed, and every asset falling, the library's own answer is to hold nothing."""
    falling = replace(world.panel, returns=-np.abs(world.panel.returns))
    config = world.config("kelly", allocation(cash_maximum=1.0))
    covariances = make_covariances(falling, world.schedule, world.regimes, config)
    policies = make_policies(
        falling, world.schedule, {"zero": world.forecast}, covariances, world.regimes, config
    )
    decided = policies["strategy:mine"](110, PortfolioState.empty(N))
    assert isinstance(decided, Weights)
    assert decided.cash == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["risk_parity", "maximum_sharpe"])
def test_limits_that_cannot_be_met_stop_before_fitting_hold_or_give_way(world, kind):
    tight = {"maximum": 0.1}
    with pytest.raises(RunError, match=r"at 19.*these limits cannot be met together with 8 assets"):
        world.run(world.config(kind, allocation(**tight)))
    held, _ = world.run(world.config(kind, allocation(**tight, on_infeasible="hold")))
    assert held.held == len(world.schedule.decisions)
    eased, _ = world.run(world.config(kind, allocation(**tight, on_infeasible="relax")))
    assert eased.relaxed == len(world.schedule.decisions)
    assert eased.targets.max() <= 0.126


@pytest.mark.parametrize("kind", ["risk_parity"])
def test_assets_without_a_budget_count_when_limits_are_checked(world, kind):
    """Two assets of at most 0.4 cannot hold all; the check must not count the other six."""
    section = {"budgets": {world.panel.assets[0]: 1.0, world.panel.assets[1]: 1.0}}
    limits = {"maximum": 0.4}
    with pytest.raises(RunError, match=r"strategies\.mine, at .*cannot be met together with 2 assets"):
        world.run(world.config(kind, allocation(**limits), **section))
    eased, _ = world.run(world.config(kind, allocation(**limits, on_infeasible="relax"), **section))
    np.testing.assert_allclose(eased.targets[:, :2].sum(axis=1), 1.0)


@pytest.mark.parametrize(
    ("limits", "section", "match"),
    [
        ({"esg": {"floor": 7.5}}, {"deviation": 0.05}, r"score at least|esg\.floor"),
        ({"esg": {"exclude_below": 4.0}}, {"deviation": 0.05, "cash": 0.0}, "cannot be met together"),
        (
            {"maximum": 0.13},
            {"strategic": "anchor", "deviation": 0.01},
            "weight of .* within 0.01 of its strategic",
        ),
        ({"cash_minimum": 0.3, "cash_maximum": 0.5}, {"deviation": 0.05, "cash": 0.1}, "cash within 0.1 of"),
        ({"groups": {"g": {"assets": [0, 1], "maximum": 0.1}}}, {"deviation": 0.05}, "group 'g' at most 0.1"),
    ],
)
def test_bands_in_which_a_limit_cannot_be_met_are_found_before_fitting(world, limits, section, match):
    one, other = world.panel.assets[:2]
    if "groups" in limits:
        limits = {"groups": {"g": {"assets": [one, other], "maximum": 0.1}}}
    content = world.config("tactical", allocation(**limits), **(section | {"strategic": "equal_weight"}))
    if section.get("strategic") == "anchor":
        anchor = {"kind": "strategic", "weights": {one: 0.5, other: 0.5}, "exempt": ["maximum"]}
        dumped = content.model_dump(mode="json", exclude_unset=True)
        dumped["strategies"] = {
            "anchor": anchor,
            "mine": dumped["strategies"]["mine"] | {"strategic": "anchor"},
        }
        content = RunConfig.model_validate(dumped)
    with pytest.raises(RunError, match=rf"strategies\.mine, at \d{{4}}-\d\d-\d\d: .*{match}"):
        check_limits(world.panel, world.schedule, content)


def test_bounds_give_way_to_bands_where_the_configuration_wants_it(world):
    """1/N of 8 assets is 0.125, more than the maximum of 0.1: the band holds, and the maximum gives way."""
    limits, section = {"maximum": 0.1, "on_infeasible": "relax"}, {"deviation": 0.02, "cash": 0.0}
    eased, _ = world.run(world.config("tactical", allocation(**limits), **section))
    assert eased.relaxed == len(world.schedule.decisions)
    assert np.abs(eased.targets - 0.125).max() <= 0.02 + LATE
    np.testing.assert_allclose(eased.targets.sum(axis=1), 1.0)


@pytest.mark.parametrize("kind", ["tactical", "sixty_forty", "mean_variance", "risk_parity"])
@pytest.mark.parametrize("infeasible", ["stop", "relax"])
def test_minimum_weights_do_not_hold_for_what_cannot_be_held(world, kind, infeasible):
    """An asset that has lost its listing weighs 0 and breaks no minimum."""
    returns = world.panel.returns.copy()
    returns[125:, 7] = np.nan
    gone = copy.copy(world)
    gone.panel = replace(world.panel, returns=returns)
    section = {"deviation": 0.01, "cash": 0.0} if kind == "tactical" else {}
    result, _ = gone.run(gone.config(kind, allocation(minimum=0.02, on_infeasible=infeasible), **section))
    late = result.decisions > 125
    assert late.any() == (kind != "sixty_forty" or len(result.decisions) > 1)
    assert (result.targets[late, 7] == 0).all()
    assert (result.targets[late, :7] >= 0.02 - LATE).all()
    assert result.relaxed == 0


def test_bands_around_what_is_not_known_before_fitting_need_hold(world):
    def config(**more):
        content = world.config("tactical", allocation(maximum=0.3)).model_dump(
            mode="json", exclude_unset=True
        )
        content["strategies"]["calm"] = {
            "kind": "volatility_target",
            "base": "equal_weight",
            "volatility": 0.1,
            "exempt": ["maximum"],
        }
        content["strategies"]["mine"] |= {"strategic": "calm"}
        content["allocation"] |= more
        return RunConfig.model_validate(content)

    with pytest.raises(
        ValidationError, match=r"strategies\.mine\.strategic: whether allocation\.maximum can be met"
    ):
        config()
    assert config(on_infeasible="hold").strategies["mine"].strategic == "calm"


def test_exemptions_of_kinds_that_keep_a_limit_are_refused(world):
    for kind in ("mean_variance", "black_litterman", "aim"):
        with pytest.raises(ValidationError, match="this kind keeps maximum and cannot be exempt from it"):
            world.config(kind, {}, exempt=["maximum"])
