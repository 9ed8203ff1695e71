"""Settings of each kind of model, and the factories of the models."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from foundation.suggestions import suggest
from pipeline.settings.section import MOST, Positive, Section, SettingError
from pipeline.settings.tuning import TuningSection, check_search, search_space

# Models are imported where they are created: reading a configuration does not need scikit-learn.
if TYPE_CHECKING:
    from models.base import Forecaster


class FittedSection(Section):
    """Common settings of all fitted models: a refit schedule, the features that it sees, and a parameter search."""

    refit_every: Positive | None = None
    features: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    tuning: TuningSection | None = None

    @model_validator(mode="after")
    def _features_are_named_once(self) -> FittedSection:
        names = self.features or ()
        twice = next((name for k, name in enumerate(names) if name in names[:k]), None)
        if twice is not None:
            raise SettingError(("features",), f"{twice!r} comes twice: name each feature once")
        return self

    @model_validator(mode="after")
    def _can_be_tuned(self) -> FittedSection:
        if self.tuning:
            check_search(self, self.settings(), self.tuning)
        return self

    def settings(self) -> dict[str, Any]:
        """Return the parameters of the model itself."""
        return self.model_dump(exclude={"kind", "refit_every", "features", "tuning"})

    def count_features(self, n_features: int) -> int:
        """Return how many of all the features the model sees."""
        return n_features if self.features is None else len(self.features)

    def find_tuning_conflict(self, refit_every: int) -> str:
        """Return a message if parameters are searched between refits; "" otherwise.

        Parameters
        ----------
        refit_every : int
            Observations between refits of a model without a schedule of its own.
        """
        every = self.refit_every or refit_every
        if self.tuning and self.tuning.every and self.tuning.every % every:
            return (
                f"tuning.every is {self.tuning.every}, expected a multiple of {every}, the observations between "
                "refits"
            )
        return ""

    def make(self, *, relative: bool, seed: int) -> Forecaster:
        """Return the unfitted model with its own settings."""
        raise NotImplementedError

    def forecaster(self, *, relative: bool, seed: int, journal: Path | None = None) -> Forecaster:
        """Return the unfitted model, which tunes itself if there is a search."""
        model = self.make(relative=relative, seed=seed)
        if self.tuning is None:
            return model
        from models.tuning.tuned import Tuned

        search = self.tuning.model_dump(exclude={"space"})
        space = search_space(type(self), self.tuning)
        return Tuned(model, space, **search, seed=seed, journal=journal)


class BaselineSection(FittedSection):
    """Common settings of the models that use no feature."""

    @model_validator(mode="after")
    def _sees_no_feature(self) -> BaselineSection:
        if self.features is not None:
            raise SettingError(("features",), "this kind of model uses no feature; leave the key out")
        return self

    def count_features(self, n_features: int) -> int:
        """Return 0."""
        return 0


class ZeroModel(BaselineSection):
    """Expect no difference between assets."""

    kind: Literal["zero"]

    def make(self, *, relative: bool, seed: int) -> Forecaster:
        """Return the unfitted model."""
        from models.baseline import Zero

        return Zero()


class MeanModel(BaselineSection):
    """Expect each asset's historical mean."""

    kind: Literal["mean"]

    def make(self, *, relative: bool, seed: int) -> Forecaster:
        """Return the unfitted model."""
        from models.baseline import HistoricalMean

        return HistoricalMean()


class LinearModelSection(FittedSection):
    """Common settings of all linear models."""

    inner_splits: Positive = 4
    half_life: Annotated[float, Field(ge=12, le=MOST)] | None = None


class PenalisedSection(LinearModelSection):
    """Common settings of ridge, lasso and elastic net."""

    selection: Literal["past", "nested"] = "past"
    n_penalties: Positive = 30


class RidgeModel(PenalisedSection):
    """Ridge regression."""

    kind: Literal["ridge"]

    def make(self, *, relative: bool, seed: int) -> Forecaster:
        """Return the unfitted model."""
        from models.linear.regression import Ridge

        return Ridge(relative, **self.settings())


class LassoModel(PenalisedSection):
    """Lasso."""

    kind: Literal["lasso"]

    def make(self, *, relative: bool, seed: int) -> Forecaster:
        """Return the unfitted model."""
        from models.linear.regression import Lasso

        return Lasso(relative, **self.settings())


class ElasticNetModel(PenalisedSection):
    """Elastic net."""

    kind: Literal["elastic_net"]
    l1_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.5

    def make(self, *, relative: bool, seed: int) -> Forecaster:
        """Return the unfitted model."""
        from models.linear.regression import ElasticNet

        return ElasticNet(relative, **self.settings())


class UnivariateModel(LinearModelSection):
    """One regression per feature, and the combination of their forecasts."""

    kind: Literal["univariate"]
    combine: Literal["mean", "median", "trimmed", "dmspe"] = "mean"
    discount: Annotated[float, Field(gt=0, le=1)] = 1.0

    def make(self, *, relative: bool, seed: int) -> Forecaster:
        """Return the unfitted model."""
        from models.linear.univariate import Univariate

        return Univariate(relative, **self.settings())


class LightGBMModel(FittedSection):
    """Gradient-boosted trees; their number is chosen on past data."""

    kind: Literal["lightgbm"]
    selection: Literal["past", "nested"] = "past"
    inner_splits: Positive = 2
    max_trees: Positive = 200
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.02
    num_leaves: Annotated[int, Field(ge=2)] = 12
    min_rows_in_leaf: Positive = 100
    feature_fraction: Annotated[float, Field(gt=0, le=1)] = 0.15
    row_fraction: Annotated[float, Field(gt=0, le=1)] = 0.7
    l2: Annotated[float, Field(ge=0)] = 10.0
    max_bin: Annotated[int, Field(ge=2, le=255)] = 31
    rebin: Annotated[float, Field(gt=0, le=1)] = 0.3

    def make(self, *, relative: bool, seed: int) -> Forecaster:
        """Return the unfitted model."""
        from models.boosting.model import Boosting

        return Boosting(**self.settings(), seed=seed)


class CombinationModel(Section):
    """Combination of other models' predictions."""

    kind: Literal["combination"]
    members: Annotated[tuple[str, ...], Field(min_length=1)]
    method: Literal["mean", "median", "trimmed", "dmspe", "learned"] = "mean"
    discount: Annotated[float, Field(gt=0, le=1)] = 1.0
    prior_deviation: Annotated[float, Field(ge=0, le=100)] | None = None

    @model_validator(mode="after")
    def _settings_go_with_method(self) -> CombinationModel:
        if self.prior_deviation is not None and self.method != "learned":
            raise ValueError(
                f"prior_deviation is a setting of method learned, not of method {self.method}: leave it out, or set "
                "method: learned"
            )
        return self

    @property
    def deviation(self) -> float:
        """Prior deviation of learned weights from equal ones, as a multiple of the equal weight."""
        return 1.0 if self.prior_deviation is None else self.prior_deviation

    def find_unknown_member(self, fitted: Collection[str]) -> str:
        """Return a message about the first member that is no fitted model; "" if there is none."""
        unknown = next((member for member in self.members if member not in fitted), None)
        return "" if unknown is None else f"members: {unknown!r} is no fitted model{suggest(unknown, fitted)}"


Fitted = ZeroModel | MeanModel | RidgeModel | LassoModel | ElasticNetModel | UnivariateModel | LightGBMModel
ModelSection = Annotated[Fitted | CombinationModel, Field(discriminator="kind")]
