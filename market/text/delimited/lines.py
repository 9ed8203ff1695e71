"""Lines of a text file: counted while a reader takes its bytes, and listed with numbers for messages."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from market.text.paths import open_csv

BLOCK = 1 << 20
"""Bytes that are read at a time."""
_KEPT = 4
"""Blocks at the end of a file that are kept for a look at its last lines."""
_LINE_END = b"\r\n"
_BLANK_STARTS = (b"\xef\xbb\xbf\n", b"\xef\xbb\xbf\r")


class LineCounter(io.RawIOBase):
    """A stream that counts its lines while they are read.

    A line ends with a line feed, a carriage return, or both. Compressed files are read as the text they hold.

    Parameters
    ----------
    path : Path
    most : int, optional
        Bytes after which the stream ends; all by default.
    """

    def __init__(self, path: Path, most: int | None = None) -> None:
        self._stream = open_csv(path)
        self._left = most
        self._is_new = True
        self._n_filled = 0
        self._n_ended = 0
        self._last = _LINE_END[-1:]
        self._blocks = deque(bytearray() for _ in range(_KEPT))
        self._ends, self._doubled = np.empty(BLOCK, dtype=np.bool_), np.empty(BLOCK, dtype=np.bool_)

    @property
    def n_filled(self) -> int:
        """Number of lines that hold anything, an unfinished last one included."""
        return self._n_filled + (not self.is_finished)

    @property
    def last_number(self) -> int:
        """Number of the last line, counted from 1 as an editor does."""
        return self._n_ended + (not self.is_finished)

    @property
    def is_finished(self) -> bool:
        """Whether the last line has a line end."""
        return self._last in _LINE_END

    @property
    def tail(self) -> bytes:
        """The last bytes read: the end of the file once all is read."""
        return b"".join(self._blocks)

    def readable(self) -> bool:
        """Whether the stream can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, one block at most, and count the lines that end in them."""
        wanted = BLOCK if size is None or size < 0 else min(size, BLOCK)
        block: bytes = self._stream.read(wanted if self._left is None else min(wanted, self._left))
        if self._left is not None:
            self._left -= len(block)
        if block:
            if self._is_new and block.startswith(_BLANK_STARTS):
                self._n_filled -= 1  # a mark of byte order alone is no text
            self._is_new = False
            self._count(block)
            self._last = block[-1:]
            kept = self._blocks.popleft()
            kept[:] = block
            self._blocks.append(kept)
        return block

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        super().close()

    def _count(self, block: bytes) -> None:
        """Count the line ends of a block."""
        marks = np.frombuffer(block, dtype=np.uint8)
        # Results go into memory that is used again: fresh pages cost ten times the count.
        ends = np.equal(marks, 10, out=self._ends[: len(marks)])
        after = self.is_finished
        pairs = int(self._last == b"\r" and block[0] == 10)
        if b"\r" in block:
            returns = marks == 13
            pairs += int(np.count_nonzero(ends[1:] & returns[:-1]))
            ends |= returns
        # A line end right after another ends a blank line, or is the second half of one.
        doubled = np.logical_and(ends[1:], ends[:-1], out=self._doubled[: len(marks) - 1])
        ended = int(np.count_nonzero(ends))
        self._n_ended += ended - pairs
        self._n_filled += ended - int(np.count_nonzero(doubled)) - int(after and ends[0])


def last_lines(tail: bytes, most: int) -> list[str]:
    """Return the last lines that hold anything, the first line of `tail` left out: it may be cut.

    Parameters
    ----------
    tail : bytes
        The end of a file.
    most : int
        How many lines at most.
    """
    lines = tail.replace(b"\r", b"\n").split(b"\n")[1:]
    return [line.decode("utf-8", errors="replace") for line in lines if line][-most:]


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Return the lines of a file with their numbers, counted from 1 as an editor does."""
    number, rest = 0, b""
    with open_csv(path) as stream:
        while block := stream.read(BLOCK):
            complete = rest + block
            # A carriage return at the end may be half of a line end.
            cut = max(complete.rfind(b"\n"), complete.rfind(b"\r", 0, -1)) + 1
            rest = complete[cut:]
            for line in _split(complete[:cut])[:-1]:
                number += 1
                yield number, line
    for line in _split(rest):
        number += 1
        yield number, line


def has_open_quote(line: str, delimiter: str = ",") -> bool:
    """Whether a quoted cell of a line of a CSV file is still open at its end."""
    if '"' not in line:
        return False
    reader = csv.reader([f"{line}\n", '"\n'], delimiter=delimiter)
    try:
        next(reader, None)
    except csv.Error:  # a cell beyond the size that Python's reader takes
        return False
    return reader.line_num > 1


def _split(text: bytes) -> list[str]:
    """Return the parts of a text between its line ends."""
    parts = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return [part.decode("utf-8", errors="replace") for part in parts]
