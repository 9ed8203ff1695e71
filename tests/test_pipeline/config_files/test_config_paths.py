"""Files and folders to write: what cannot be written is refused before anything is computed."""

import errno
import os
from pathlib import Path

import pytest
from scheduled import scheduled_text

from operations.cli.main import load_commands
from pipeline.cli import main as cli
from pipeline.config_files import paths
from pipeline.config_files.paths import _folder_mistake, input_mistake, output_mistake


@pytest.fixture
def there(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/null")
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "read", "write", "keep"),
    [
        ("file", "", "", "is a file, expected a folder"),
        ("new/er/one", "it does not exist", "", ""),
        ("folder", "it is a folder", "it is a folder", ""),
        ("pipe", "it is a named pipe", "it is a named pipe", "is a named pipe, expected a folder"),
        ("device", "it is a device", "it is a device", "is a device, expected a folder"),
        (
            "file/below",
            "a part of the path is a file",
            "a part of the path is a file",
            "a part of the path is a file",
        ),
        ("a\0b", "a NUL character", "a NUL character", "a NUL character"),
        ("a\udcffb", "not UTF-8 text", "not UTF-8 text", "not UTF-8 text"),
        ("x" * 5000, "name too long", "name too long", "name too long"),
        ("loop", "symbolic links", "symbolic links", "symbolic links"),
    ],
    ids=range(10),
)
def test_what_is_no_file_or_folder_is_named(there, name, read, write, keep):
    path = there / name
    for found, expected in (
        (input_mistake(path), read),
        (output_mistake(path), write),
        (_folder_mistake(path), keep),
    ):
        assert expected.lower() in found.lower()
        assert bool(found) == bool(expected)


def test_a_folder_without_permission_is_named(there, monkeypatch):
    """Tests may run as root, who may do anything: the permission is planted."""
    monkeypatch.setattr(paths.os, "access", lambda place, mode: False)
    assert "you may not read it" in input_mistake(there / "file")
    assert f"you may not write to the folder {there}" in output_mistake(there / "new")
    assert "you may not write" in _folder_mistake(there / "folder" / "new")
    assert _folder_mistake(there / "folder", writes=False) == ""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="the system has no /proc")
def test_a_place_where_permissions_allow_everything_and_nothing_can_be_written_is_named(there):
    for place in ("/proc/x", "/proc/x/y"):
        assert "nothing can be written to the folder /proc: " in _folder_mistake(Path(place))
        assert "nothing can be written" in output_mistake(Path(place) / "file.csv")
        assert _folder_mistake(Path(place), writes=False) == ""


def test_a_full_disk_is_named_and_the_check_leaves_nothing(there, monkeypatch):
    assert _folder_mistake(there / "folder" / "new") == ""
    assert list((there / "folder").iterdir()) == []

    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(paths.tempfile, "TemporaryFile", refuse)
    assert "No space left on device" in _folder_mistake(there / "folder" / "new")


@pytest.mark.parametrize("command", ["run", "train", "retrain", "update", "evaluate", "report", "predict"])
def test_an_output_folder_that_cannot_be_written_is_refused_before_data_is_read(
    there, monkeypatch, capsys, command
):
    load_commands()
    (there / "mine.yaml").write_text(scheduled_text(there / "folder" / "new"))
    monkeypatch.setattr("sys.argv", ["tangency", command, "-c", str(there / "mine.yaml")])
    monkeypatch.setattr(paths, "_write_mistake", lambda folder: f"nothing in {folder}")
    monkeypatch.setattr("pipeline.data_source.load_panel", lambda *_, **__: pytest.fail("data was read"))
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert f"output: {there / 'folder' / 'new'}: nothing in {there / 'folder'}" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["report", "audit", "predict", "allocate", "drift"])
def test_an_output_that_cannot_be_written_is_refused_before_the_configuration_is_read(
    there, monkeypatch, capsys, command
):
    load_commands()
    load_commands()
    (there / "pipe.json").symlink_to(there / "pipe")
    target = there / ("pipe.json" if command in ("predict", "allocate") else "pipe")
    monkeypatch.setattr(
        "sys.argv", ["tangency", command, "-c", str(there / "absent.yaml"), "-o", str(target)]
    )
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert "it is a named pipe, expected a file or a new name" in capsys.readouterr().err


def test_long_arguments_make_no_long_messages(monkeypatch, capsys):
    for arguments in (["run", "-c", "x" * 5000], ["run", "--" + "x" * 5000], ["x" * 5000]):
        monkeypatch.setattr("sys.argv", ["tangency", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        assert stopped.value.code == 2
        assert 0 < len(capsys.readouterr().err) <= 1500


def test_a_named_pipe_among_the_configurations_is_not_waited_for(there, monkeypatch):
    from operations.errors import OperationsError
    from operations.schedule.configurations import scheduled

    (there / "configs").mkdir()
    (there / "pipe").rename(there / "configs" / "pipe.yaml")
    monkeypatch.chdir(there)
    with pytest.raises(OperationsError, match=r"pipe\.yaml: it is no regular file"):
        scheduled(())


def test_partial_files_of_killed_processes_are_removed_by_commands_that_write(tmp_path):
    left = tmp_path / ".partial-abcd1234"
    left.write_bytes(b"half")
    (tmp_path / ".partial-theirs").write_bytes(b"not ours")
    paths.check_output_folder(tmp_path, writes=False)
    assert left.exists()
    paths.check_output_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".partial-theirs"]
