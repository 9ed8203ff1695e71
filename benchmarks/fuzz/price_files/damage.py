"""Damage to the bytes of a file."""

from __future__ import annotations

from benchmarks.fuzz.price_files.corpus import Rng, choose

INSERTED = (
    *(
        b'"',
        b"'",
        b",",
        b"\n",
        b"\r",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b";",
        b"\t",
        b"-",
        b".",
        b"0",
        b"9",
        b"e5",
    ),
    *(b"\n\n", b'""', b"\xc3", b"\x1a", b" ", b"%", b"nan", b"\x80\x80\x80", b'","', b"#", b"+", b"\\"),
)


def damage_bytes(content: bytes, rng: Rng) -> tuple[bytes, str]:
    """Flip, delete, insert, repeat, move or overwrite bytes; return the content and a description of the damage."""
    if not content:
        return b"x", "a byte in an empty file"
    way = choose(rng, ("flip", "flip", "lose", "insert", "insert", "repeat", "overwrite", "move", "digit"))
    at = int(rng.integers(len(content)))
    size = int(choose(rng, (1, 1, 1, 2, 8, 60)))
    piece = content[at : at + size]
    if way == "flip":
        flipped = bytes([content[at] ^ (1 << int(rng.integers(8)))])
        return content[:at] + flipped + content[at + 1 :], f"byte {at} is {flipped!r}"
    if way == "lose":
        return content[:at] + content[at + size :], f"{size} bytes lost at {at}: {piece[:20]!r}"
    if way == "insert":
        new = choose(rng, INSERTED)
        return content[:at] + new + content[at:], f"{new!r} inserted at {at}"
    if way == "repeat":
        return content[:at] + piece + content[at:], f"{size} bytes at {at} twice: {piece[:20]!r}"
    if way == "move":
        rest = content[:at] + content[at + size :]
        to = int(rng.integers(len(rest) + 1))
        return rest[:to] + piece + rest[to:], f"{size} bytes from {at} to {to}: {piece[:20]!r}"
    if way == "digit":
        digits = [n for n, byte in enumerate(content[:5000]) if chr(byte).isdigit()]
        if digits:
            at = choose(rng, digits)
            return content[:at] + b"7" + content[at + 1 :], f"digit 7 at {at}"
    noise = rng.bytes(size)
    return content[:at] + noise + content[at + size :], f"{size} random bytes at {at}"


def damage_compressed(content: bytes, other: bytes, rng: Rng) -> tuple[bytes, str]:
    """Return a damaged compressed file, and a description of the damage.

    Parameters
    ----------
    content : bytes
        The compressed file.
    other : bytes
        The uncompressed file.
    rng : Generator
    """
    way = choose(rng, ("bytes", "bytes", "cut", "twice", "tail", "plain"))
    if way == "cut":
        at = int(rng.integers(len(content)))
        return content[:at], f"compressed file cut at {at}"
    if way == "twice":
        return content + content, "compressed file twice"
    if way == "tail":
        return content + rng.bytes(int(rng.integers(1, 40))), "random bytes after the compressed file"
    if way == "plain":
        return other, "not compressed in spite of its name"
    damaged, note = damage_bytes(content, rng)
    return damaged, "compressed: " + note
