"""Words of the project's own that newcomers cannot know stay out of code, messages and docs."""

import re
import subprocess

import pytest

from benchmarks.code_shape import PACKAGES, ROOT

REFUSED = ("shop", "workshop", "oddities", "courier", "parcel", "attestation", "told")
MIGRATION = re.compile(r"operations/slots/tables\.py|operations/schedule/run_due\.py")
"""Files that rename the column `told` of older records, or say that an attempt was told to stop."""
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile", "docs", "configs")


def _lines(word, places):
    command = ["git", "grep", "-nwiI", word, "--", *places]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.stdout.splitlines()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the list of files is that of git")
@pytest.mark.parametrize("word", REFUSED)
def test_a_private_word_is_not_used(word):
    lines = [line for line in _lines(word, (*PACKAGES, *PAGES)) if not MIGRATION.match(line)]
    # The changelog of a class may name what it was called before.
    assert [line for line in lines if "docs/decisions.md" not in line] == []
