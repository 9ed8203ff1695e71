"""Logged models: the last fits in MLflow's own format, which load without this project and without unpickling.

MLflow's `log_model` scans all installed packages even if requirements are given, and loads and runs the model to test
it. That took longer than sending the rest of a run. The format is public (an `MLmodel` file next to the data), and
MLflow's own classes write it here.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.store import installed
from pipeline.tracking.database import requirements

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

CODE = "linear_pyfunc.py"


def write_model(
    spec: Mapping[str, Any], folder: Path, run: str = "", ident: str = "", place: str = ""
) -> None:
    """Write a fitted model as an MLflow model.

    Parameters
    ----------
    spec : mapping
        "features", and either "booster" (LightGBM's model text) or the coefficients that
        `pipeline/tracking/models/linear_pyfunc.py` uses.
    folder : Path
        Created here.
    run, ident, place : str
        Id of the MLflow run, id of the model, and its location in MLflow, all written to the MLmodel file.
    """
    from mlflow.models import Model

    folder.mkdir(parents=True)
    model = Model(
        artifact_path=place or None,
        run_id=run or None,
        signature=signature(spec["features"]),
        model_uuid=ident or None,
        model_id=ident or None,
    )
    if "booster" in spec:
        _write_booster(model, spec["booster"], folder)
    else:
        _write_linear(model, spec, folder)
    _write_environment(folder)
    model.model_size_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    model.save(folder / "MLmodel")


def _write_booster(model: Model, text: str, folder: Path) -> None:
    from mlflow import pyfunc

    (folder / "model.lgb").write_text(text, encoding="utf-8")
    pyfunc.add_to_model(model, "mlflow.lightgbm", data="model.lgb", **_ENVIRONMENT)
    model.add_flavor(
        "lightgbm",
        lgb_version=installed("lightgbm"),
        data="model.lgb",
        model_class="lightgbm.basic.Booster",
        code=None,
    )


def _write_linear(model: Model, spec: Mapping[str, Any], folder: Path) -> None:
    from mlflow import pyfunc

    shutil.copyfile(Path(__file__).with_name(CODE), folder / CODE)
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / "spec.json").write_text(json.dumps(dict(spec)), encoding="utf-8")
    pyfunc.add_to_model(
        model,
        "mlflow.pyfunc.loaders.code_model",
        model_code_path=CODE,
        artifacts={"spec": {"path": "artifacts/spec.json", "uri": "artifacts/spec.json"}},
        streamable=False,
        **_ENVIRONMENT,
    )


_ENVIRONMENT = {"conda_env": "conda.yaml", "python_env": "python_env.yaml"}


def _write_environment(folder: Path) -> None:
    """Write the Python and library versions of the fit, in the three file formats that MLflow's tools read."""
    needed = requirements()
    python = ".".join(map(str, sys.version_info[:3]))
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": needed}],
    }
    environment = {"python": python, "dependencies": ["-r requirements.txt"]}
    (folder / "requirements.txt").write_text("\n".join(needed), encoding="utf-8")
    (folder / "conda.yaml").write_text(yaml.safe_dump(conda), encoding="utf-8")
    (folder / "python_env.yaml").write_text(yaml.safe_dump(environment, sort_keys=False), encoding="utf-8")


def signature(features: list[str]) -> ModelSignature:
    """Return the signature of a logged model: one optional column per feature as input, and the forecast as output."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    columns: list[ColSpec | TensorSpec] = [ColSpec("double", name, required=True) for name in features]
    return ModelSignature(inputs=Schema(columns), outputs=Schema([ColSpec("double")]))
