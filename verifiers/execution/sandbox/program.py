"""Runs one program, inside of the sandbox, in the process that is made for it and thrown away after it.

All that is said here of a program's end is said in its own process: it can forge each word, and what it forges is its
own answer. Nothing here knows what answer is wanted; the comparison happens outside.
"""

from __future__ import annotations

import ast
import atexit
import builtins
import io
import json
import os
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

from verifiers.execution.sandbox import serving, testing
from verifiers.execution.sandbox.values import decode, encode

IMPORTED = "solution"
"""What a program is called that is not run but called by tests: as if they had imported it."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
RESULTS = 3
"""The file descriptor that takes the results, one JSON object a line."""


def run(job: dict[str, Any]) -> None:
    """Run `job["source"]` and write what came of it to `RESULTS`; what it prints goes to standard output.

    The lines written, in this order, each only where the program got that far: `{"value": …}`, what an entry function
    returned or, where nothing was printed, what the last expression was worth; `{"test": i, …}` for each test, with
    its `value`, `passed` or `error`; `{"end": error or null}`.

    Args:
        job: `kind` and what it needs. `answer`: `setup`, statements to run first; `source`; `entries`, names of
            functions whose return value is the answer; `tests`: pairs of how to run it (`value` of an expression,
            `call` of a function with encoded arguments, or `passes`: statements that must not raise) and its text.
            `tested`: `setup`, `source`, `tests` and `ends_well`. `script`: `setup` and `source`, run to the end like a
            file, with its threads and exit handlers. `serve`: the same as `tested`, then do what the tests at the other
            end of the channel ask. `check`: be those tests.
    """
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115, open as long as the process lives
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", "backslashreplace")
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115, as stdin
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    main = types.ModuleType("__main__" if job["kind"] in ("answer", "script") else IMPORTED)
    sys.modules["__main__"] = sys.modules[IMPORTED] = main
    builtins.exit = builtins.quit = sys.exit  # what `site` would add
    if job["kind"] == "check":
        return testing.check(job, _guarded, _write)
    error = _guarded(lambda: exec(compile(job["setup"], "<setup>", "exec"), main.__dict__))
    error = f"setup: {error}" if error is not None else _guarded(lambda: _STARTS[job["kind"]](job, main.__dict__))
    if error is None and job["kind"] == "serve":
        return serving.serve(main.__dict__)
    if error is None:
        for index, (how, text) in enumerate(job["tests"]):
            _test(index, how, text, main.__dict__)
    flushed = _guarded(sys.stdout.flush)
    _write({"end": error or flushed})


_ANSWERS = ("ans", "answer")
"""Variables that hold the answer of a program which prints nothing, as in program of thoughts (arXiv:2211.12588)."""


def _answer(job: dict[str, Any], scope: dict[str, Any]) -> None:
    """Run the program, then write its value where it has one."""
    tree = ast.parse(job["source"], "<program>")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<program>", "exec"), scope)
    value = None
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), "<program>", "eval"), scope)
    sys.stdout.flush()
    if os.lseek(1, 0, os.SEEK_CUR):  # something was printed, so the value of a bare expression is nobody's answer
        value = None
    elif last is None:
        value = next((scope[name] for name in _ANSWERS if name in scope), None)
    for entry in job["entries"]:
        if callable(scope.get(entry)):
            returned = scope[entry]()
            value = value if returned is None else returned
            break
    if value is not None:
        _write({"value": encode(value)})


def _script(job: dict[str, Any], scope: dict[str, Any]) -> None:
    """Run the program as the interpreter runs a file: to the end of its threads and exit handlers."""
    atexit._clear()  # those of the server
    try:
        exec(compile(job["source"], "<program>", "exec"), scope)
    finally:
        threading._shutdown()  # pyright: ignore[reportAttributeAccessIssue]  # what the interpreter does at its end
        atexit._run_exitfuncs()


def _definitions(job: dict[str, Any], scope: dict[str, Any]) -> None:
    """Run a program that tests will call.

    What follows its last definition may fail, since it is an example or the like, unless the job says `ends_well`.
    """
    tree = ast.parse(job["source"], "<program>")
    end = max((index for index, line in enumerate(tree.body, 1) if isinstance(line, _DEFINITIONS)), default=0)
    definitions, examples = ast.Module(tree.body[:end], []), ast.Module(tree.body[end:], [])
    exec(compile(definitions, "<program>", "exec"), scope)
    error = _guarded(lambda: exec(compile(examples, "<program>", "exec"), scope))
    if error is not None and job.get("ends_well"):
        raise RuntimeError(f"after the last definition: {error}")


_STARTS = {"answer": _answer, "script": _script, "tested": _definitions, "serve": _definitions}


def _test(index: int, how: str, text: str, scope: dict[str, Any]) -> None:
    """Run one test in the program's scope and write what came of it."""

    def evaluate() -> None:
        _write({"test": index, "value": encode(eval(compile(text, "<test>", "eval"), scope))})

    def execute() -> None:
        exec(compile(text, "<test>", "exec"), scope)
        _write({"test": index, "passed": True})

    def call() -> None:
        request = json.loads(text)
        arguments = [decode(form) for form in request["arguments"]]
        name = request["function"]
        inside_a_class = name not in scope and "Solution" in scope  # as LeetCode has it
        function = getattr(scope["Solution"](), name) if inside_a_class else eval(name, scope)
        _write({"test": index, "value": encode(function(*arguments))})

    error = _guarded({"value": evaluate, "call": call, "passes": execute}[how])
    if error is not None:
        _write({"test": index, "error": error})


def _guarded(work: Callable[[], Any]) -> str | None:
    """Do something; the error it ended with as text, or None. A plain `sys.exit()` is an end like any other."""
    try:
        work()
    except SystemExit as end:
        return None if end.code in (None, 0) else f"SystemExit: {_say(end)}"
    except BaseException as error:  # whatever a program raises, it is the program's end and not ours
        return f"{type(error).__name__}: {_say(error)}".rstrip(": ")
    return None


def _say(error: BaseException) -> str:
    try:
        return str(error)[:300]
    except BaseException as another:  # its __str__ is the program's code too
        return f"(its message raised {type(another).__name__})"


def _write(record: dict[str, Any]) -> None:
    data = json.dumps(record).encode() + b"\n"
    while data:
        data = data[os.write(RESULTS, data) :]
