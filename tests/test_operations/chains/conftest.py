"""A desk of one's own with decisions and versions, and its commands."""

import shutil

import pytest


@pytest.fixture
def decided(tmp_path, trained):
    """A desk of its own with three decisions, three versions of the data, and their runs."""
    from desk import Desk

    shutil.copytree(
        trained.folder / "runs", tmp_path / "runs", symlinks=True, ignore=shutil.ignore_patterns("store")
    )
    return Desk(tmp_path)


@pytest.fixture
def tangency(decided, monkeypatch, capsys):
    """Return a function that runs a command and returns its exit code and errors."""
    from pipeline.cli import main as cli

    path = decided.path(schedule={"cron": "0 6 1 * *"})

    def call(*words):
        monkeypatch.setattr("sys.argv", ["tangency", *words, "-c", str(path)])
        try:
            cli.main()
        except SystemExit as ended:
            return ended.code or 0, capsys.readouterr().err
        return 0, capsys.readouterr().err

    return call
