"""Configuration files as text: what is no plain YAML of moderate size is one short message that names the line."""

import os
import socket
from pathlib import Path

import pytest
import yaml

from pipeline.config import load_config
from pipeline.config_files.document import read_document
from pipeline.errors import ConfigError

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
BASE = (CONFIGS / "industries.yaml").read_text()


def refused(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError) as error:
        load_config(path)
    message = str(error.value)
    assert len(message) <= 1500
    assert "c.yaml" in message
    return message


def laughs():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BASE + "\n? [a, b]\n: 1\n", "line 68: not valid YAML: a key is a list or a mapping"),
        (BASE + "\n? {a: 1}\n: 1\n", "a key is a list or a mapping"),
        ("x: " + "[" * 3000 + "]" * 3000, "line 1: not valid YAML: nested more than 40 levels deep"),
        ("x: " + "{a: " * 3000 + "1" + "}" * 3000, "nested more than 40 levels"),
        (
            "".join(" " * n + "a:\n" for n in range(500)),
            "line 40: not valid YAML: nested more than 40 levels",
        ),
        (laughs(), "more than 100,000 keys and values, aliases included"),
        ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 90)), "aliases included"),
        ("a: &a [*a]", "the alias \\*a contains itself"),
        ("a: *b", "the alias \\*b is defined nowhere above"),
        ("a: &a {<<: *a}", "the alias \\*a contains itself"),
        ("x: !!python/object/apply:os.system ['echo']", "the tag tag:yaml.org,2002:python/.* is not allowed"),
        ("x: !own 1", "the tag !own is not allowed"),
        ('x: "\\uD800"', r"half a character"),
        ("x: !!set {a, b}", "the tag .*set is not allowed"),
        (
            BASE.replace("seed: 0", "seed: " + "9" * 5000),
            "line 65: not valid YAML: a number of 5,000 characters",
        ),
        ("a: 2020-13-01", "line 1: not valid YAML: '2020-13-01' is no date"),
        (BASE + "\0", "line 67: not valid YAML: the character U.0000 is not allowed"),
        (BASE + "---\na: 1\n", "line 67: not valid YAML: .*found another document"),
        (BASE.replace("  source", "\tsource", 1), "line 6: not valid YAML: found character"),
        (BASE.encode("utf-16"), "it is UTF-16 text; save it as UTF-8"),
        (BASE.encode("utf-16-le"), "looks like UTF-16; save it as UTF-8"),
        (BASE.encode() + "# é".encode("latin-1"), "line 67 is not UTF-8 text"),
        (b"", "got an empty file"),
        ("# nothing\n", "got an empty file"),
        ("[1, 2]", r"expected a mapping of keys such as name, data, models; got \[1, 2\]"),
        ("x" * 1_000_001, "larger than 1,000,000 bytes"),
    ],
    ids=range(26),
)
def test_what_is_no_plain_yaml_names_its_line(tmp_path, text, message):
    path = tmp_path / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=message) as error:
        load_config(path)
    assert len(str(error.value)) <= 1500


@pytest.mark.parametrize("kind", ["pipe", "device", "socket", "folder", "link to a device", "NUL", "long"])
def test_what_is_no_regular_file_is_refused_without_waiting_for_it(tmp_path, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    path = Path("c.yaml")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    elif kind == "folder":
        path.mkdir()
    elif kind == "link to a device":
        path.symlink_to("/dev/zero")
    path = {"device": Path("/dev/zero"), "NUL": Path("a\0b"), "long": Path("a" * 5000)}.get(kind, path)
    with pytest.raises(ConfigError, match="cannot read the configuration") as error:
        load_config(path)
    assert len(str(error.value)) < 1500


def test_text_is_text_and_keys_are_as_written(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(
        "assets: [ON, NO, y, 005930, 1:30, 1_000, 0x1F, 0o17]\n600519: 1\nno: 2\n2020-01-01: 3\n~: 4\n007: 5\n"
        "real: [true, 3, -4, 0.50, 1e5, .5, 2020-01-31, ~, null]\nbase: &b {x: 1, y: 2}\nown: {<<: *b, y: 3}\n"
    )
    content = read_document(path).content
    assert content["assets"] == ["ON", "NO", "y", "005930", "1:30", "1_000", "0x1F", "0o17"]
    assert [content[key] for key in ("600519", "no", "2020-01-01", "~", "007")] == [1, 2, 3, 4, 5]
    assert [repr(value) for value in content["real"]] == [
        *("True", "3", "-4", "0.5", "100000.0", "0.5", "datetime.date(2020, 1, 31)", "None", "None")
    ]
    assert content["own"] == {"x": 1, "y": 3}


def test_a_byte_order_mark_and_other_line_ends_change_nothing(tmp_path):
    path = tmp_path / "c.yaml"
    plain = yaml.safe_load(BASE)
    for raw in (b"\xef\xbb\xbf" + BASE.encode(), BASE.replace("\n", "\r\n").encode()):
        path.write_bytes(raw)
        assert read_document(path).content == plain


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.stem)
def test_shipped_configurations_are_read_as_by_pyyaml(file):
    assert read_document(file).content == yaml.safe_load(file.read_text())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("output: runs", "output: ~", r"output: expected a path such as runs .*, got ~ \(line 66\)"),
        ("output: runs", 'output: ""', "output: expected a path"),
        ("output: runs", 'output: "  "', "output: expected a path"),
        ("output: runs", 'output: "~/runs"', "output: ~ does not stand for a home folder here"),
        ("output: runs", 'output: "ru\\0ns"', "output: expected a path without control characters"),
        ("output: runs", "output: 12", "output: expected a path such as runs .*, got 12"),
        ("output: runs", "output: [a]", r"output: expected a path such as runs .*, got \['a'\]"),
        ("cost_rate: 0.0010", "cost_rate: false", "cost_rate: expected a number, got false .line 57"),
        ("seed: 0", "seed: true", "seed: expected a number, got true .line 65"),
        ("seed: 0", "seed: 0123", "seed: expected a number without a leading zero"),
        ("seed: 0", "seed: 1:30", "seed: Input should be a valid integer"),
        (
            "start: 1960-01-01",
            "start: 19600101",
            "evaluation.start: expected a date such as 2010-01-31, got 19600101",
        ),
        ("start: 1960-01-01", "start: 0", "evaluation.start: expected a date such as 2010-01-31, got 0"),
        ("start: 1960-01-01", "start: '86400'", "evaluation.start: expected a date"),
        ("start: 1960-01-01", "start: 1960-01-01 12:00:00", "evaluation.start: .*without a time of day"),
        ("start: 1960-01-01", "start: 1960-01-01T00:00:00+05:00", "without a time of day"),
        ("cost_rate: 0.0010", "cost_rate: .inf", "cost_rate: Input should be a finite number, got .inf"),
        ("cost_rate: 0.0010", "cost_rate: 1e999", "cost_rate: Input should be a finite number, got 1e999"),
        ("name: industries", "name: 2020", "name: .*write it in quotes: '2020' .line 3"),
        ("mean: {kind: mean}", "mean: [1]", r"models.mean: expected a mapping of keys to values, got \[1\]"),
        ("mean: {kind: mean}", "mean: {}", "models.mean.kind: missing; known: zero, mean"),
        ("mean: {kind: mean}", "mean: {kind: [a]}", "models.mean.kind: .* is no kind of models"),
    ],
    ids=range(22),
)
def test_values_of_another_type_are_named(tmp_path, old, new, message):
    assert old in BASE
    path = tmp_path / "c.yaml"
    path.write_text(BASE.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_however_much_is_wrong_the_message_is_short_and_says_how_much(tmp_path):
    many = refused(tmp_path, BASE + "".join(f"key{n}: 1\n" for n in range(500)))
    assert "500 mistakes" in many
    assert "key0: unknown key" in many
    shown = many.count("unknown key")
    assert many.endswith(f"and {500 - shown} more")
    assert "seed: " in refused(tmp_path, BASE.replace("seed: 0", f"seed: {'x' * 100_000}"))
    assert "unknown key" in refused(tmp_path, BASE + "k" * 900 + ": 1\n")
    assert "kind" in refused(tmp_path, BASE.replace("{kind: mean}", f"{{kind: {'x' * 100_000}}}"))
    assert "features.include" in refused(
        tmp_path, BASE.replace("include: [", f"include: [[{'a, ' * 3000}a], ")
    )


def test_a_forgotten_unit_of_a_kind_is_placed_by_the_structure_of_the_file(tmp_path):
    """A model may be named as a kind is, and a key may be named as a member of a union."""
    text = BASE.replace("ridge: {kind: ridge}", "ridge: {kind: ridge, ridge: 1, half_life: 1}")
    message = refused(tmp_path, text)
    assert "models.ridge.ridge: unknown key" in message
    assert "models.ridge.half_life: Input should be greater than or equal to 12, got 1" in message
