"""Served model: a candidate as an MLflow model of source code and JSON, without pickle."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from operations.champion.candidate import Candidate
from pipeline.export import frozen
from pipeline.tracking import database as tracking

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

SERVED = '''

# From here on: how MLflow asks it.
import json  # noqa: E402
from pathlib import Path  # noqa: E402

from mlflow.models import set_model  # noqa: E402
from mlflow.pyfunc.model import PythonModel  # noqa: E402


class Registered(PythonModel):
    """One table of listed assets at one date in, one row of forecasts an asset out."""

    def load_context(self, context):
        """Read the numbers that were registered."""
        self.frozen = Frozen(json.loads(Path(context.artifacts["spec"]).read_text(encoding="utf-8")))

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """Return the forecasts."""
        return self.frozen.forecast(model_input)


set_model(Registered())
'''
"""Code that follows the text of `pipeline/export/frozen.py` in a registered model, which therefore needs neither pickle
nor an import of this project."""


def save_model(candidate: Candidate, folder: Path) -> None:
    """Write a candidate as an MLflow model: source code, parameters as JSON, signature and example; no pickle."""
    import mlflow.pyfunc
    import pandas as pd

    table = candidate.inputs
    example = pd.DataFrame(table["data"], columns=table["columns"])
    example = example.astype({name: float for name in table["columns"] if name != "asset"})
    with tempfile.TemporaryDirectory() as place:
        spec = Path(place) / "model.json"
        spec.write_bytes(candidate.content("model.json"))
        code = Path(place) / "model.py"
        code.write_text(Path(frozen.__file__).read_text(encoding="utf-8") + SERVED, encoding="utf-8")
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(code),
            artifacts={"spec": str(spec)},
            pip_requirements=tracking.requirements(),
            signature=_signature(table["columns"]),
            input_example=example,
        )


def _signature(columns: Sequence[str]) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    inputs: list[ColSpec | TensorSpec] = [
        ColSpec("string" if name == "asset" else "double", name) for name in columns
    ]
    outputs: list[ColSpec | TensorSpec] = [
        ColSpec("string", "asset"),
        ColSpec("double", "raw"),
        ColSpec("double", "mean"),
    ]
    return ModelSignature(Schema(inputs), Schema(outputs))
