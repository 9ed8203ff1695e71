"""Files inside installed packages.

They are read directly: the loader of their package would import the whole package, which takes seconds.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from market.errors import SourceError


def read_packaged(package: str, file: str) -> pd.DataFrame:
    """Read a CSV file inside an installed package without importing the package.

    Raises
    ------
    SourceError
        If the package is not installed, or another version of it without the file.
    """
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        raise SourceError(f"package {package!r}, which holds the data, is not installed; run `make setup`")
    path = Path(folders[0], *file.split("/"))
    if not path.is_file():
        raise SourceError(
            f"package {package!r} does not hold {file}: install the version in requirements.lock"
        )
    return pd.read_csv(path)
