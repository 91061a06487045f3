"""Tests by inputs and outputs, as APPS and LiveCodeBench have them: text in and out, or a function's arguments and
result.

Read are `{"inputs": […], "outputs": […], "fn_name": …}`, a list of `{"input": …, "output": …}`, and JSON text of
either.

**What is printed** is right where its lines, blank ones left out, are the lines wanted, blank ones left out: their
words, divided by any space, the same one by one. Words that are numbers are compared as numbers: a whole number
exactly, one that is wanted with a point or an exponent within the tolerance. A number with leading zeros is a text.
Case counts.

**What a function returns** is right where it is the value wanted: numbers alike (`1.0` for `1`; one wanted with a point
within the tolerance), a tuple for a list (JSON has no tuples), a dict's keys alike or alike as text, and text exactly.
APPS wraps the value in a list of one; so where all outputs are lists of one, either the list or its item is right.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from verifiers.execution.sandbox.values import encode

ABSOLUTE, RELATIVE = 1e-9, 1e-6
"""How far a number with a point may be from the one wanted, at least and as a fraction of it."""

_NUMBER = re.compile(r"[-+]?(?:0|[1-9]\d{0,3000})(?:\.\d{0,3000})?(?:[eE][-+]?\d{1,3})?|[-+]?\.\d{1,3000}", re.ASCII)
_NAMES = ("fn_name", "func_name", "function_name", "entry_point")


@dataclass(frozen=True, slots=True)
class Run:
    """What a script reads, and what it must print."""

    stdin: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function call: as text, as a request for the sandbox, and whether a value is the one wanted."""

    text: str
    request: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Tests of one of the two kinds; `needed` are the names that the program must define."""

    runs: list[Run] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    needed: set[str] = field(default_factory=set)


def parse_pairs(tests: Any, function: str | None = None) -> Pairs | None:
    """Read inputs and outputs; None where the tests have another form.

    Args:
        tests: any value of a column.
        function: what is called, where the tests do not say it; None for a script.

    Raises:
        ValueError: there are not as many outputs as inputs, or they are no text where a script reads them.
    """
    if isinstance(tests, str) and tests.lstrip()[:1] in ("{", "["):
        try:
            tests = json.loads(tests)
        except ValueError:
            return None  # statements may begin so
    if isinstance(tests, Mapping) and isinstance(tests.get("input_output"), (str, Mapping)):
        return parse_pairs(tests["input_output"], function)
    if isinstance(tests, Mapping):
        keys = next((k for k in (("inputs", "outputs"), ("input", "output")) if all(name in tests for name in k)), None)
        if keys is None:
            return None
        inputs, outputs = tests[keys[0]], tests[keys[1]]
        function = next((tests[name] for name in _NAMES if tests.get(name)), function)
        if isinstance(inputs, str) or isinstance(outputs, str):
            inputs, outputs = [inputs], [outputs]
    elif cases := _cases(tests):
        inputs, outputs = [case["input"] for case in cases], [case["output"] for case in cases]
        function = next((case[name] for case in cases for name in _NAMES if case.get(name)), function)
        if any(case.get("testtype") == "stdin" for case in cases):
            function = None
    else:
        return None
    if len(inputs) != len(outputs):
        raise ValueError(f"{len(inputs)} inputs and {len(outputs)} outputs")
    if not function:
        return Pairs(runs=[Run(_text(one), _text(two)) for one, two in zip(inputs, outputs, strict=True)])
    return _calls(str(function), inputs, outputs)


def _cases(tests: Any) -> list[Mapping[str, Any]]:
    """The tests where each is a mapping of its own, else none."""
    if not isinstance(tests, (list, tuple)) or not all(isinstance(test, Mapping) and "input" in test for test in tests):
        return []
    return list(tests)


def printed_as_wanted(printed: str, wanted: str, absolute: float = ABSOLUTE, relative: float = RELATIVE) -> bool:
    """Whether what a script printed is what is wanted; see the module.

    Args:
        printed: its standard output.
        wanted: the output of the test.
        absolute: a number with a point may be this far from the one wanted.
        relative: it may be this fraction of the one wanted away from it.
    """
    given, expected = ([line.split() for line in text.splitlines() if line.strip()] for text in (printed, wanted))
    if given == expected:
        return True
    return [len(line) for line in given] == [len(line) for line in expected] and all(
        _same_word(one, two, absolute, relative)
        for line, other in zip(given, expected, strict=True)
        for one, two in zip(line, other, strict=True)
    )


def returned_as_wanted(value: Any, wanted: Any, absolute: float = ABSOLUTE, relative: float = RELATIVE) -> bool:
    """Whether what a function returned is what is wanted; see the module.

    Args:
        value: a plain value out of the sandbox.
        wanted: the output of the test, as JSON has it.
        absolute: a number with a point may be this far from the one wanted.
        relative: it may be this fraction of the one wanted away from it.
    """
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(value, (int, float, Fraction)) and isinstance(wanted, (int, float)):
        return value == wanted or (isinstance(wanted, float) and _near(value, wanted, absolute, relative))
    if isinstance(value, (list, tuple)) and isinstance(wanted, (list, tuple)):
        return len(value) == len(wanted) and all(
            returned_as_wanted(one, two, absolute, relative) for one, two in zip(value, wanted, strict=True)
        )
    if isinstance(value, dict) and isinstance(wanted, Mapping):
        keyed = {str(key): item for key, item in value.items()}
        return len(keyed) == len(value) == len(wanted) and all(
            str(key) in keyed and returned_as_wanted(keyed[str(key)], item, absolute, relative)
            for key, item in wanted.items()
        )
    return type(value) is type(wanted) and bool(value == wanted)


def _calls(function: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> Pairs:
    wrapped = all(isinstance(output, list) and len(output) == 1 for output in outputs)
    calls = []
    for given, output in zip(inputs, outputs, strict=True):
        arguments = _arguments(given)
        wanted = _value(output) if isinstance(output, str) and isinstance(given, str) else output
        either = [wanted, wanted[0]] if wrapped else [wanted]
        request = json.dumps({"function": function, "arguments": [encode(argument) for argument in arguments]})
        text = f"{function}({', '.join(repr(a)[:40] for a in arguments)}) == {wanted!r}"
        calls.append(
            Call(text, request, lambda value, either=either: any(returned_as_wanted(value, w) for w in either))
        )
    return Pairs(calls=calls, needed=set(re.findall(r"[A-Za-z_]\w*", function)[:1]))


def _arguments(given: Any) -> list[Any]:
    """A list of arguments, or a text with one a line, as LiveCodeBench has them."""
    if isinstance(given, str):
        return [_value(line) for line in given.split("\n") if line.strip()]
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _value(text: str) -> Any:
    """A JSON value or Python literal; any other text is itself."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return text


def _text(given: Any) -> str:
    """What a script reads or prints: a text, or its lines in a list."""
    if isinstance(given, str):
        return given
    if isinstance(given, (list, tuple)):
        return "\n".join(_text(line) for line in given)
    if isinstance(given, (int, float)):
        return str(given)
    raise ValueError(f"a script reads and prints text, not {type(given).__name__}; a function needs fn_name")


def _same_word(given: str, wanted: str, absolute: float, relative: float) -> bool:
    if given == wanted:
        return True
    if not (_NUMBER.fullmatch(given) and _NUMBER.fullmatch(wanted)):
        return False
    one, two = Fraction(given), Fraction(wanted)
    decimal = any(mark in wanted for mark in ".eE")
    return one == two or (decimal and _near(one, two, absolute, relative))


def _near(value: float | Fraction, wanted: float | Fraction, absolute: float, relative: float) -> bool:
    try:
        error = abs(Fraction(value) - Fraction(wanted))
    except (ValueError, OverflowError):  # an infinity, or no number
        return False
    return error <= Fraction(absolute) or error <= abs(Fraction(wanted)) * Fraction(relative)
