"""What a program may use, and what came of it."""

from __future__ import annotations

import json
import signal
from dataclasses import asdict, dataclass
from typing import Any

from verifiers.execution.sandbox.values import decode


class SandboxUnavailable(RuntimeError):
    """This machine allows no isolation, so no program is run. The message says what to change."""


class SandboxError(RuntimeError):
    """The sandbox broke: nothing is known of the program."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use.

    Attributes:
        cpu: processor seconds of each of its processes, whole.
        wall: seconds by the clock after which it is ended if it hardly used the processor since the last look. A
            program that is kept from the processor by others goes on.
        clock: seconds by the clock after which it is ended in any case.
        memory: megabytes of address space of each of its processes.
        processes: processes and threads at once.
        files: open files of each process.
        output: bytes printed, and of any one file.
        scratch: megabytes in all its files.

    Raises:
        ValueError: a limit that is not positive.
    """

    cpu: int = 2
    wall: float = 5.0
    clock: float = 30.0
    memory: int = 512
    processes: int = 8
    files: int = 64
    output: int = 1_000_000
    scratch: int = 16

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value > 0:
                raise ValueError(f"a sandbox's limit {name!r} must be positive, not {value!r}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one program.

    Attributes:
        error: why it did not end well, in a few words; None where it did.
        printed: its standard output.
        values: what its entry function or last expression was worth; empty where there is no such value, else one.
        tests: by the test's index, `{"value": …}`, `{"passed": True}` or `{"error": text}`; a test that was not
            reached is absent.
        seconds: wall clock.
    """

    error: str | None
    printed: str
    values: tuple[Any, ...]
    tests: dict[int, dict[str, Any]]
    seconds: float


def outcome(
    answer: dict[str, Any], limits: Limits, isolated: bool, printed: bytes, results: bytes, seconds: float
) -> Outcome:
    """Put together how a program ended.

    Args:
        answer: the keeper's: `code`, the exit code or minus the signal; `late`, whether the clock ran out; `cpu`,
            seconds.
        limits: that it ran under.
        isolated: whether it had a PID namespace.
        printed: its standard output.
        results: what `program.py` wrote, or the program in its place.
        seconds: wall clock.

    Raises:
        SandboxError: it was killed from outside, by the system out of memory most likely.
    """
    code = answer["code"]
    error, values, tests = _read(results)
    if answer["late"]:
        waited = seconds < limits.clock
        error = f"waited longer than {limits.wall:g} s" if waited else f"ran longer than {limits.clock:g} s"
    elif code in (-signal.SIGKILL, -signal.SIGXCPU) and answer["cpu"] >= limits.cpu - 0.5:
        error = f"used more than {limits.cpu} s of processor time"
    elif code == -signal.SIGKILL and isolated:
        # nothing inside can send this signal to the first process of its PID namespace
        raise SandboxError("the program was killed from outside; is the machine out of memory?")
    elif code < 0:
        error = f"killed by a signal: {signal.strsignal(-code)}"
    elif code > 0:
        error = error or f"ended with exit code {code}"
    return Outcome(error, printed.decode("utf-8", "replace"), values, tests, seconds)


def _read(results: bytes) -> tuple[str | None, tuple[Any, ...], dict[int, dict[str, Any]]]:
    """The error, value and tests that a program's process wrote.

    A program can write there too, so anything may be there: what cannot be read is that program's error.
    """
    error, values, tests = None, (), {}
    for line in results.splitlines():
        try:
            record = json.loads(line)
            if "value" in record:
                record["value"] = decode(record["value"])
            if "test" in record:
                tests[int(record["test"])] = record
            elif "value" in record:
                values = (record["value"],)
            elif record["end"] is not None:
                error = str(record["end"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return "its results cannot be read", (), {}
    return error, values, tests
