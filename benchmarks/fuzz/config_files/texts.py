"""Changes of a configuration as text: tokens of YAML, lines, characters and bytes."""

from __future__ import annotations

import random

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


def _add_keys(pick: random.Random, text: str) -> str:
    number = pick.choice([1, 40, 2000])
    return text + "".join(f"extra_{n}: {pick.choice(SCALARS[:30])}\n" for n in range(number))


def _set_scalar(pick: random.Random, text: str) -> str:
    """Replace the value of a line by other YAML."""
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
    """Duplicate, delete, swap, indent or comment out a line."""
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
        *("---\n", "...\n", "%YAML 1.1\n---\n", "%TAG ! x\n", "\t", "\0", "\x01", "\x85", "\u2028", "\ufeff", "\r"),
        *("[" * 3000, "{a: " * 500, "- " * 300, "&a ", "*a ", "!!str ", "!<x> ", "? ", ": ", "# ", "'", '"', "|\n"),
        *("<<: *a\n", "a: &a {b: *a}\n", "x: &x [1]\ny: *x\n", "\ud800", "\uffff", " " * 5000, "\n" * 3000),
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
    """Use an anchor of one section in another, as in hand-written YAML."""
    lines = text.split("\n")
    tops = [n for n, line in enumerate(lines) if line and line[0].isalpha() and line.rstrip().endswith(":")]
    if len(tops) > 1:
        first, second = sorted(pick.sample(tops, 2))
        lines[first] = f"{lines[first].rstrip()} &part"
        lines[second + 1 : second + 1] = [pick.choice(["  <<: *part", "  again: *part"])]
    return "\n".join(lines)


def change_bytes(pick: random.Random, raw: bytes) -> bytes:
    """Change the encoding, or damage bytes so that they no longer form characters."""
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


TEXT_CHANGES = [
    *(_set_scalar, _set_scalar, _set_scalar, _set_key, _change_lines, _change_lines, _cut, _insert_token),
    *(_insert_token, _replace_characters, _deepen, _merge_sections, _add_keys),
]  # fmt: skip
