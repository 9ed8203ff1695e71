"""Mutated configuration files: each is read as it is written, or refused with one short message.

Half of the files are shipped ones, half random ones of the search over settings. They are changed as text (bytes, lines,
tokens of YAML) and as values (types, sizes, keys, nesting). What is read is compared with PyYAML's reading of all values as
text: no key may be dropped, and no value read as another one.
"""

from __future__ import annotations

import datetime as dt
import functools
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from pydantic import BaseModel

from benchmarks.fuzz.cases import Case, Fault, check_message, record_ending, shorten_message
from pipeline.config import load_config
from pipeline.errors import USER_ERRORS

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "contracts"))

from random_settings import configurations  # noqa: E402
from search_panels import PANELS, write_panel  # noqa: E402

POOL = 20
"""Random configurations of each panel."""
SLOWEST = 5.0
"""Seconds in which a configuration must be read."""
LINES = 30
"""Lines of a message, at most: a mistake is one line."""
IN_PROCESS = 200
"""Of so many refused files, one is given to a process of the command line as well."""

SCALARS = [
    *(
        "~",
        "null",
        '""',
        "' '",
        "yes",
        "no",
        "on",
        "NO",
        "true",
        "False",
        "0123",
        "0x1F",
        "0b1",
        "1:30",
        "1_000",
    ),
    *(
        "-1",
        "0",
        "1e5",
        "1e999",
        "-.inf",
        ".nan",
        "1" * 5000,
        "9" * 30,
        "0.1.2",
        "1,5",
        "12%",
        "=",
        "<<",
        "%",
        "@x",
    ),
    *(
        "2020-02-30",
        "2020-13-01",
        "0000-01-01",
        "9999-12-31",
        "20200101",
        "2020-01-01T10:00:00Z",
        "86400",
        "2020-1-1",
    ),
    *(
        "[]",
        "{}",
        "[[]]",
        "{a: 1}",
        "[1, 2]",
        "[~]",
        "{? [a]: 1}",
        "&a x",
        "*a",
        "!!str 5",
        "!!int x",
        "!own x",
    ),
    *(
        "!!python/name:os.system",
        "!!binary aGk=",
        "!!set {a}",
        "|",
        ">",
        "'",
        '"',
        "{",
        "]",
        "- a",
        "a: b: c",
    ),
    *(
        '"\\0"',
        '"\\ud800"',
        '"\\e[2J"',
        '"\\u202e"',
        "é",
        "𝔸",
        "a" * 300,
        "x" * 20_000,
        '"a\\nb"',
        "~/runs",
        "/dev/null",
    ),
]
"""Values as text of YAML."""
VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2**63,
        10**400,
        0.0,
        -0.0,
        1e308,
        1e-320,
        float("inf"),
        float("nan"),
        0.1 + 0.2,
    ),
    *(
        "",
        " ",
        "a",
        "ridge",
        "nan",
        "1",
        "01",
        "1e3",
        "yes",
        "x" * 3000,
        "a\0b",
        "\x1b[2J",
        "~",
        "2020-01-01",
        "a.b",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        ["a", "a"],
        {"a": {"a": {}}},
        {"kind": "ridge"},
        {"kind": None},
        list(range(400)),
    ),
    *(
        dt.date(1, 1, 1),
        dt.date(2020, 1, 1),
        dt.datetime(2020, 1, 1, 5),
        {1: 2},
        {None: 1},
        {True: 1},
        {"": 1},
    ),
]


def mutate(rng: np.random.Generator, folder: Path) -> Case:
    """Write a configuration file with one to three changes."""
    pick = random.Random(int(rng.integers(2**63)))
    name, text = pick.choice(_sources())
    changes = []
    while len(changes) < pick.choice([1, 1, 2, 3]):
        change = pick.choice(VALUE_CHANGES if pick.random() < 0.5 and not changes else TEXT_CHANGES)
        text = change(pick, text)
        changes.append(change.__name__.strip("_"))
    path = folder / "case.yaml"
    raw = text.encode("utf-8", "surrogatepass")
    if pick.random() < 0.1:
        changes.append("bytes")
        raw = _change_bytes(pick, raw)
    path.write_bytes(raw)
    return Case("configs", f"{name}: {', '.join(changes)}", path)


def check(case: Case) -> Fault | None:
    """Read a configuration, and compare what was read with an independent reading."""
    assert case.path is not None
    began = time.perf_counter()
    try:
        config = load_config(case.path)
    except USER_ERRORS as error:
        message = str(error)
        record_ending(f"refused: {shorten_message(message.splitlines()[-1].strip(), str(case.path))}")
        slow = time.perf_counter() - began > SLOWEST
        fault = Fault("slow", f"{time.perf_counter() - began:.1f} s") if slow else None
        fault = fault or check_message(message, lines=LINES)
        if fault is None and "case.yaml" not in message:
            fault = Fault("vague message", message[:300])
        return fault or (_check_command(case.path) if case.seed % IN_PROCESS == 0 else None)
    record_ending("read")
    raw: Any = yaml.load(case.path.read_bytes(), Loader=yaml.BaseLoader)
    differences = list(_differences(config, raw, ""))
    return Fault("silent difference", "; ".join(differences[:5])) if differences else None


def _check_command(path: Path) -> Fault | None:
    """Return what is wrong with how a process of the command line refuses a configuration."""
    command = [sys.executable, "-m", "operations", "run", "--config", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, errors="replace")
    if done.returncode != 2:
        return Fault("exit code", f"{done.returncode}, expected 2: {done.stderr[-300:]}")
    return check_message(done.stderr, lines=LINES)


def _differences(value: Any, raw: Any, where: str) -> Iterator[str]:
    """Yield where a checked value is not what its text says."""
    if isinstance(raw, dict) and "<<" in raw:
        return  # merged keys are not resolved by a reader of text
    if isinstance(value, BaseModel):
        if isinstance(raw, str) and value.model_fields_set == {"kind"}:
            raw = {"kind": raw}
        if not isinstance(raw, dict) or set(raw) != value.model_fields_set:
            yield f"{where or 'the file'} holds {_short(raw)}, read as {sorted(value.model_fields_set)}"
            return
        for key, text in raw.items():
            yield from _differences(getattr(value, key), text, f"{where}.{key}")
    elif isinstance(value, dict):
        named = [raw] if isinstance(raw, str) else raw
        if isinstance(named, list) and all(share == 1.0 for share in value.values()):
            named = dict.fromkeys(named, "1")  # assets without shares have equal ones
        if not isinstance(named, dict) or set(named) != set(value):
            yield f"{where} holds {_short(raw)}, read as {_short(value)}"
            return
        for key, text in named.items():
            yield from _differences(value[key], text, f"{where}.{key}")
    elif isinstance(value, tuple):
        if not isinstance(raw, list) or len(raw) != len(value):
            yield f"{where} holds {_short(raw)}, read as {_short(value)}"
            return
        for place, (part, text) in enumerate(zip(value, raw, strict=True)):
            yield from _differences(part, text, f"{where}.{place}")
    elif not isinstance(raw, str) or not _says(raw, value):
        yield f"{where} holds {_short(raw)}, read as {value!r}"


def _says(text: str, value: Any) -> bool:
    """Return whether a text says a value, by the value's type."""
    if isinstance(value, bool):
        words = (
            ("true", "yes", "on", "y", "t", "1", "1.0")
            if value
            else ("false", "no", "off", "n", "f", "0", "0.0")
        )
        return text.strip().lower() in words
    if value is None:
        return text in ("~", "null", "Null", "NULL", "")
    if isinstance(value, int | float):
        try:
            return float(text.replace("_", "")) == value and not text.strip().lstrip("+-").startswith("0" * 2)
        except ValueError:
            return False
    if isinstance(value, dt.date):
        return text.strip()[:10] == value.isoformat()
    if isinstance(value, Path):
        return Path(text) == value
    return text == value or text.split() == str(value).split()  # blanks of cron expressions are no matter


def _short(value: Any) -> str:
    return repr(value)[:120]


@functools.cache
def _sources() -> list[tuple[str, str]]:
    """Return names and texts of configurations that are sound, most of them."""
    shipped = [
        (path.name, path.read_text(encoding="utf-8")) for path in sorted((ROOT / "configs").glob("*.yaml"))
    ]
    drawn = [
        (f"random {n}", yaml.safe_dump(each, sort_keys=False)) for n, each in enumerate(_random_contents())
    ]
    return shipped * max(1, len(drawn) // len(shipped)) + drawn


def _random_contents() -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        for number, name in enumerate(PANELS):
            panel = write_panel(name, Path(place))

            @seed(number)
            @settings(
                max_examples=POOL,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(content=configurations(panel))
            def draw(content: dict[str, Any]) -> None:
                contents.append(deepcopy(content))

            draw()
    # The folder's name is random, and a case must come out the same each time.
    return [yaml.safe_load(yaml.safe_dump(each).replace(place, "/data")) for each in contents]


def _places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything inside nested mappings and lists."""
    items = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    for key, value in items:
        yield (*path, key)
        yield from _places(value, (*path, key))


def _change_content(pick: random.Random, text: str, change: Callable[[Any, Any], Any]) -> str:
    """Return the text of a content with one change: `change` gets what holds a random place, and its key."""
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return text
    places = list(_places(content))
    if not places:
        return text
    *path, key = pick.choice(places)
    holder = functools.reduce(lambda held, part: held[part], path, content)
    change(holder, key)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=10**6)


def _set_value(pick: random.Random, text: str) -> str:
    value = pick.choice(VALUES)
    return _change_content(pick, text, lambda holder, key: holder.__setitem__(key, value))


def _delete_value(pick: random.Random, text: str) -> str:
    return _change_content(pick, text, lambda holder, key: holder.__delitem__(key))


def _rename_key(pick: random.Random, text: str) -> str:
    new = pick.choice(["", "x", "kind", "values", "k" * 500, "a b", "é", "\x1b[2J", 1, None, 2.5, True])

    def change(holder: Any, key: Any) -> None:
        if isinstance(holder, dict):
            typo = f"{key}"[:-1] if pick.random() < 0.5 else new
            holder[typo] = holder.pop(key)

    return _change_content(pick, text, change)


def _wrap_value(pick: random.Random, text: str) -> str:
    levels, inner = pick.choice([1, 2, 50]), pick.choice(["list", "mapping"])

    def change(holder: Any, key: Any) -> None:
        for _ in range(levels):
            holder[key] = [holder[key]] if inner == "list" else {str(key): holder[key]}

    return _change_content(pick, text, change)


def _scale_number(pick: random.Random, text: str) -> str:
    factor = pick.choice([0, -1, 0.5, 100, 1e6, 1e300])

    def change(holder: Any, key: Any) -> None:
        if isinstance(holder[key], int | float):
            holder[key] *= factor

    return _change_content(pick, text, change)


def _add_keys(pick: random.Random, text: str) -> str:
    number = pick.choice([1, 40, 2000])
    return text + "".join(f"extra_{n}: {pick.choice(SCALARS[:30])}\n" for n in range(number))


def _set_scalar(pick: random.Random, text: str) -> str:
    """Put other YAML in the place of the value of a line."""
    lines = text.split("\n")
    places = [n for n, line in enumerate(lines) if ": " in line]
    if places:
        n = pick.choice(places)
        lines[n] = f"{lines[n].partition(': ')[0]}: {pick.choice(SCALARS)}"
    return "\n".join(lines)


def _set_key(pick: random.Random, text: str) -> str:
    lines = text.split("\n")
    places = [n for n, line in enumerate(lines) if ": " in line]
    if places:
        n = pick.choice(places)
        indent = lines[n][: len(lines[n]) - len(lines[n].lstrip())]
        lines[n] = (
            f"{indent}{pick.choice([*SCALARS[:60], '? [a, b]', '? {a: 1}', '<<'])}: {lines[n].partition(': ')[2]}"
        )
    return "\n".join(lines)


def _change_lines(pick: random.Random, text: str) -> str:
    """Double, delete, swap, indent or comment a line."""
    lines = text.split("\n")
    n, m = pick.randrange(len(lines)), pick.randrange(len(lines))
    how = pick.choice(["double", "delete", "swap", "indent", "dedent", "tab", "comment"])
    if how == "double":
        lines.insert(m, lines[n])
    elif how == "delete":
        del lines[n]
    elif how == "swap":
        lines[n], lines[m] = lines[m], lines[n]
    else:
        before = {"indent": " " * pick.randint(1, 4), "tab": "\t", "comment": "#", "dedent": ""}[how]
        lines[n] = before + (lines[n].lstrip() if how == "dedent" else lines[n])
    return "\n".join(lines)


def _cut(pick: random.Random, text: str) -> str:
    return text[: pick.randrange(len(text) + 1)]


def _insert_token(pick: random.Random, text: str) -> str:
    tokens = [
        *("---\n", "...\n", "%YAML 1.1\n---\n", "%TAG ! x\n", "\t", "\0", "\x01", "\x85", "\u2028", "\ufeff", "\r", "\x7f"),
        *("[" * 3000, "{a: " * 500, "- " * 300, "&a ", "*a ", "!!str ", "!<x> ", "? ", ": ", "# ", "'", '"', "|\n", ">\n"),
        *("<<: *a\n", "a: &a {b: *a}\n", "x: &x [1]\ny: *x\n", "\ud800", "\uffff", "\U0010ffff", " " * 5000, "\n" * 3000),
        "l0: &l0 [a, a, a]\n" + "".join(f"l{n}: &l{n} [*l{n - 1}, *l{n - 1}, *l{n - 1}]\n" for n in range(1, 20)),
    ]  # fmt: skip
    place = (
        pick.randrange(len(text) + 1)
        if pick.random() < 0.5
        else text.rfind("\n", 0, pick.randrange(len(text) + 1)) + 1
    )
    return text[:place] + pick.choice(tokens) + text[place:]


def _replace_characters(pick: random.Random, text: str) -> str:
    characters = list(text)
    for _ in range(pick.choice([1, 3, 20])):
        if characters:
            characters[pick.randrange(len(characters))] = pick.choice("abz019 :-[]{},#&*!|>'\"%@`\n\t.~é\0")
    return "".join(characters)


def _deepen(pick: random.Random, text: str) -> str:
    depth = pick.choice([10, 45, 900])
    return text + "".join(f"{' ' * n}d:\n" for n in range(depth))


def _merge_sections(pick: random.Random, text: str) -> str:
    """Use an anchor of one section in another, as some do who write YAML by hand."""
    lines = text.split("\n")
    tops = [n for n, line in enumerate(lines) if line and line[0].isalpha() and line.rstrip().endswith(":")]
    if len(tops) > 1:
        first, second = sorted(pick.sample(tops, 2))
        lines[first] = f"{lines[first].rstrip()} &part"
        lines[second + 1 : second + 1] = [pick.choice(["  <<: *part", "  again: *part"])]
    return "\n".join(lines)


def _change_bytes(pick: random.Random, raw: bytes) -> bytes:
    """Change the encoding, or bytes that are no characters any more."""
    how = pick.choice(
        ["bits", "bits", "utf-16", "utf-16-le", "utf-32", "bom", "latin", "crlf", "cr", "nothing", "large"]
    )
    if how in ("utf-16", "utf-16-le", "utf-32"):
        return raw.decode("utf-8", "replace").encode(how)
    if how in ("bom", "latin", "nothing", "large"):
        return {
            "bom": b"\xef\xbb\xbf" + raw,
            "latin": raw + b"# \xe9",
            "nothing": b"",
            "large": raw + b"#" * 1_000_001,
        }[how]
    if how in ("crlf", "cr"):
        return raw.replace(b"\n", b"\r\n" if how == "crlf" else b"\r")
    changed = bytearray(raw)
    for _ in range(pick.choice([1, 5, 50])):
        if changed:
            changed[pick.randrange(len(changed))] ^= 1 << pick.randrange(8)
    return bytes(changed)


VALUE_CHANGES = [_set_value, _set_value, _delete_value, _rename_key, _wrap_value, _scale_number]
TEXT_CHANGES = [
    *(_set_scalar, _set_scalar, _set_scalar, _set_key, _change_lines, _change_lines, _cut, _insert_token),
    *(_insert_token, _replace_characters, _deepen, _merge_sections, _add_keys),
]  # fmt: skip
