"""What a command outlives: the program that reads its output, and its terminal."""

import os
import pty
import sys
from io import StringIO

import pytest

from rl.interrupt import lasting


def of_a_pipe():
    return os.pipe()


@pytest.mark.parametrize("ends", [of_a_pipe, pty.openpty], ids=["pipe", "terminal"])
@pytest.mark.parametrize("buffering", [1, -1], ids=["by line", "by block"])
def test_writing_to_what_nobody_reads_any_more_goes_nowhere(ends, buffering):
    reading, writing = ends()
    out = lasting(os.fdopen(writing, "w", buffering=buffering, encoding="ascii"))
    out.write("café\n")
    out.flush()
    assert os.read(reading, 100).strip() == b"caf?"
    os.close(reading)
    for _ in range(3):
        out.write("x" * 10**5 + "\n")
        out.flush()


def test_a_full_disk_is_not_nobody():
    out = lasting(open("/dev/full", "w"))  # noqa: SIM115
    with pytest.raises(OSError, match="No space left"):
        print("x", file=out, flush=True)


def test_a_stream_that_was_replaced_stays(monkeypatch):
    for other in (StringIO(), None):
        monkeypatch.setattr(sys, "stdout", other)
        assert lasting(sys.stdout) is other
