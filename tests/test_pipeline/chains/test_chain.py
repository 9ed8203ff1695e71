"""What becomes of a chain where the operating system refuses a write."""

import errno
import os

import pytest

from pipeline.chains.chain import Chain


def test_a_full_disk_is_an_error_that_names_the_chain(tmp_path, monkeypatch):
    chain = Chain(tmp_path / "ledger.jsonl")
    chain.extend(lambda lines: [{"kind": "trial"}])
    before = chain.path.read_bytes()

    def fail(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        with pytest.raises(OSError, match=r"ledger\.jsonl"):
            chain.extend(lambda lines: [{"kind": "trial"}])
    chain.path.write_bytes(before)
    assert len(chain.lines()) == 1
