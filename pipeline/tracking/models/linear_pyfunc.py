"""The last linear fit as an MLflow model, loaded from this source text and a JSON file, never from a pickle.

MLflow copies this file into the model, so it must not import this project.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class LinearForecast(PythonModel):
    """Standardise, clip, impute and multiply.

    Takes a table with one column per feature and one row per asset. Returns the forecast of each row in the unit of
    the target: excess return over the horizon per unit of risk. If the model was fitted to a relative target, only
    the differences between the assets of a date have a meaning.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Read the logged specification."""
        self.spec: dict[str, Any] = json.loads(Path(context.artifacts["spec"]).read_text(encoding="utf-8"))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.Series:
        """Return the raw forecast of each row of the table, as a Series with the table's index."""
        spec = self.spec
        missing = [name for name in spec["features"] if name not in model_input.columns]
        if missing:
            raise ValueError(f"the input lacks {len(missing)} features: {', '.join(missing[:5])}")
        X = model_input[spec["features"]].to_numpy(dtype=np.float64)
        scale = np.asarray(spec["scale"])
        usable = scale > 0
        Z = (X - np.asarray(spec["mean"])) * np.where(usable, 1.0 / np.where(usable, scale, 1.0), 0.0)
        if spec["clip"] is not None:
            Z = np.clip(Z, -spec["clip"], spec["clip"])
        Z = np.where(np.isnan(Z), 0.0, Z)
        if "slopes" in spec:
            values = self._combined(Z)
        else:
            values = (Z * np.asarray(spec["coefficients"])).sum(axis=1) + spec["intercept"]
        return pd.Series(values, index=model_input.index)

    def _combined(self, Z: np.ndarray) -> np.ndarray:
        """Return the median or trimmed mean of the single-feature forecasts."""
        spec = self.spec
        values = (Z * np.asarray(spec["slopes"]) + np.asarray(spec["intercepts"]))[
            :, np.asarray(spec["varies"])
        ]
        if spec["combine"] == "median":
            return np.asarray(np.median(values, axis=1))
        trimmed = np.sort(values, axis=1)[:, 1:-1] if values.shape[1] > 2 else values
        return np.asarray(trimmed.mean(axis=1))


set_model(LinearForecast())
