"""Contents of a run's files: JSON objects and tables, with advice if they cannot be read."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from operations.champion.run_files import WHOLE
from operations.errors import OperationsError


def parse_object(path: Path, content: bytes, keys: Sequence[str]) -> dict[str, Any]:
    """Return the JSON object in the content of a file, which must have these keys.

    Raises
    ------
    OperationsError
        If the content is no such object.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise OperationsError(f"{path} cannot be read: {error}. {WHOLE}") from error
    missing = [key for key in keys if key not in value] if isinstance(value, dict) else list(keys)
    if missing or not isinstance(value, dict):
        lacking = ", ".join(missing)
        raise OperationsError(
            f"{path}: expected a JSON object with the keys {', '.join(keys)}; missing: {lacking}. {WHOLE}"
        )
    return value


def parse_parquet(path: Path, content: bytes) -> pd.DataFrame:
    """Return the table in the content of a Parquet file.

    Raises
    ------
    OperationsError
        If the content is no Parquet file.
    """
    try:
        return pd.read_parquet(io.BytesIO(content))
    except (OSError, ValueError) as error:
        raise OperationsError(f"{path} cannot be read: {error}. {WHOLE}") from error
