"""Words of the project's own that newcomers cannot know stay out of code, messages and docs."""

import re
import subprocess

import pytest

from benchmarks.code_shape import PACKAGES, ROOT

REFUSED = ("shop", "workshop", "oddities", "courier", "parcel", "attestation", "told")
RECORDED_TEXT = re.compile(
    r"operations/(slots|schedule|templates)/|operations/cli/schedule\.py|templates/report\.html"
)
"""Files that read the column `told` of the record of slots, and texts that wait for it."""
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile", "docs", "configs")


def _lines(word, places):
    command = ["git", "grep", "-nwiI", word, "--", *places]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.stdout.splitlines()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the list of files is that of git")
@pytest.mark.parametrize("word", REFUSED)
def test_a_private_word_is_not_used(word):
    lines = [line for line in _lines(word, (*PACKAGES, *PAGES)) if not RECORDED_TEXT.match(line)]
    # The changelog of a class may name what it was called before.
    assert [line for line in lines if "docs/decisions.md" not in line] == []
