"""Relocation: update artifact locations in MLflow's local database after its output folder was moved or copied.

MLflow stores the location of each experiment, run and model as an absolute URI. After a move it would write to the old
location, and list none of the artifacts at the new one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

from pipeline.chains.database import check_database_files
from pipeline.errors import TrackingError
from pipeline.files import read_regular, write_whole
from pipeline.tracking.errors import explain_database
from pipeline.tracking.experiment_view import VIEW_TAG

ARTIFACTS = "artifacts"
"""Folder below the output folder, with one folder per experiment."""
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Columns of MLflow's database that hold an artifact location."""


@dataclass(frozen=True)
class Relocation:
    """An experiment whose artifacts are recorded outside the output folder.

    Attributes
    ----------
    experiment : str
    old, new : str
        URI of its folder as recorded, and the right one.
    """

    experiment: str
    old: str
    new: str

    @property
    def old_folder(self) -> Path:
        """Folder of the experiment as recorded."""
        return _path(self.old)

    @property
    def new_folder(self) -> Path:
        """Folder of the experiment below the output folder."""
        return _path(self.new)


def artifact_location(output: Path, experiment: str) -> str:
    """Return the URI of the folder of an experiment's artifacts below an output folder."""
    return (output / ARTIFACTS / experiment).resolve().as_uri()


def find_relocations(database: Path) -> list[Relocation]:
    """Return the experiments of this project whose recorded location is not next to the database.

    An experiment belongs to this project if it has the project's view, and if its folder is named after it and lies in
    a folder `artifacts`. All other experiments belong to the user. Two locations that are one folder, through a link or
    a mount, are no move.

    Parameters
    ----------
    database : Path
        MLflow's SQLite file in the output folder.

    Raises
    ------
    TrackingError
        If the database cannot be read, or was moved without its artifacts.
    """
    if not database.exists():
        return []
    check_database_files(database)
    return list(_moved(database.parent, _read_locations(database)))


def _read_locations(database: Path) -> list[tuple[str, str]]:
    """Return the name and the recorded location of each experiment with the project's view."""
    query = "SELECT name, artifact_location FROM experiments JOIN experiment_tags USING (experiment_id) WHERE key = ?"
    try:
        with closing(sqlite3.connect(database)) as connection:
            return connection.execute(query, (VIEW_TAG,)).fetchall()
    except sqlite3.Error as error:
        raise TrackingError(explain_database(str(database), error)) from error


def _moved(output: Path, rows: list[tuple[str, str]]) -> Iterator[Relocation]:
    for name, old in rows:
        new = artifact_location(output, name)
        tail = new[len((output / ARTIFACTS).resolve().as_uri()) :]
        if old == new or not (old.startswith("file:") and old.endswith(f"/{ARTIFACTS}{tail}")):
            continue
        relocation = Relocation(name, old, new)
        there, here = relocation.old_folder.exists(), relocation.new_folder.exists()
        if there and here and relocation.old_folder.samefile(relocation.new_folder):
            continue
        if there and not here:
            raise TrackingError(
                f"{output / 'mlflow.db'} was moved or copied without the artifacts of {name}, which are in "
                f"{relocation.old_folder}: move or copy that folder to {relocation.new_folder}, and run this again"
            )
        yield relocation


def relocate(database: Path, found: list[Relocation]) -> int:
    """Record the new locations of experiments and everything below them, and return the number of updated runs.

    The database changes in one transaction, after the files: a process that is killed leaves it unchanged.
    """
    for each in found:
        old, new = each.old.encode(), each.new.encode()
        for path in each.new_folder.glob("models/*/artifacts/MLmodel"):
            content = read_regular(path)
            if old in content:
                write_whole(path, content.replace(old, new))
    try:
        return _rewrite(database, found)
    except sqlite3.Error as error:
        raise TrackingError(explain_database(str(database), error)) from error


def _rewrite(database: Path, found: list[Relocation]) -> int:
    runs = 0
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        for each in found:
            for table, column in LOCATIONS:
                changed = connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608 (names from above)
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    (each.new, len(each.old) + 1, each.old, len(each.old) + 1, f"{each.old}/"),
                ).rowcount
                runs += changed if table == "runs" else 0
    return runs


def _path(uri: str) -> Path:
    return Path(unquote(urlparse(uri).path))
