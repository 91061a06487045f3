"""A reward from any function with TRL's reward signature."""

from __future__ import annotations

import copy
import functools
import inspect
import math
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence, ValuesView
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from rewards.building.find import find
from rewards.parts.event_loop import EventLoop
from rewards.reward import PASSED, Reward, Scores, Text
from verifiers.runtime.names import nearest

_LOOP = EventLoop()
"""The event loop of all async rewards in all batches, so that they can share semaphores and clients."""


class FunctionReward(Reward):
    """Wraps `(prompts, completions, completion_ids, **columns) -> list[float | None]`, plain or async.

    The function may also return an array, a tensor or a generator. Parameters without a default are columns that the
    data must have.

    Args:
        function: the function. It must accept `**columns`, because TRL passes every column of the data.
        name: the name in the logs.
        options: values for its parameters; columns of the data do not override them.

    Raises:
        ValueError: TRL could not call the function, or it has no parameter with the name of an option.
    """

    def __init__(self, function: Callable[..., Any], name: str, options: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.function = function
        self.options = dict(options or {})
        self.columns = _columns(function, self.options)

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Call the function.

        Raises:
            ValueError: the function did not return one number or None per completion.
            RuntimeError: the function called `sys.exit`, which would otherwise end the run.
            Exception: what the function raised, with a note of the line where it did.
        """
        count = len(completions)  # before the function, which may change its own copy
        given = {"prompts": prompts, "completions": completions, "completion_ids": completion_ids, **columns}
        try:
            values = self.function(**{**given, **self.options})
            if inspect.isasyncgen(values):
                values = _LOOP.run(_collected(values, count))
            elif inspect.isawaitable(values):
                values = _LOOP.run(_finish(values))
            if isinstance(values, Iterator):
                values = list(islice(values, count + 1))
        except SystemExit as error:
            raise RuntimeError(f"the function called sys.exit({error.code!r})") from error
        except Exception as error:
            if (line := _line(self.function, error)) is not None:
                error.add_note(line)
            raise
        return Scores(_numbers(values, count))


def build(name: str, where: str | Callable[..., Any], options: Mapping[str, Any]) -> Reward:
    """Make a reward from a function, or from the name of one (`rewards/building/find.py`).

    Args:
        name: the name in the logs.
        where: `module:function` or `path/to/file.py:function`; or the function itself; or a `Reward`, of which a copy
            gets the name.
        options: keyword arguments of the function.

    Raises:
        ValueError: there is no such module or function, TRL could not call it, or it has no such parameter.
    """
    function = find(where) if isinstance(where, str) else where
    if not isinstance(function, Reward):
        return FunctionReward(function, name, options)
    if options:
        raise ValueError(f"options: a {type(function).__name__} has been made already; give it its options there")
    renamed = copy.copy(function)
    renamed.name = name
    return renamed


def _line(function: Callable[..., Any], error: Exception) -> str | None:
    """The last line of the function's file that an error passed; None if that is not known."""
    while isinstance(function, functools.partial):
        function = function.func
    code = getattr(inspect.unwrap(function), "__code__", None) or getattr(type(function).__call__, "__code__", None)
    passed = [
        frame for frame in traceback.extract_tb(error.__traceback__) if code and frame.filename == code.co_filename
    ]
    return f"{Path(passed[-1].filename).name}, line {passed[-1].lineno}" if passed else None


async def _finish(awaitable: Any) -> Any:
    return await awaitable


async def _collected(values: Any, count: int) -> list[Any]:
    """The values of an asynchronous generator, up to one more than needed."""
    found: list[Any] = []
    async for value in values:
        found.append(value)
        if len(found) > count:
            break
    return found


def _columns(function: Callable[..., Any], options: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that a function needs, after checking that TRL can call it."""
    if inspect.isclass(function):
        raise ValueError(f"{function.__name__} is a class; name a function, or an instance that can be called")
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise ValueError(
            f"{function!r} does not say what parameters it has; wrap it in a function of your own"
        ) from None
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for parameter in parameters:
        if parameter.kind is parameter.POSITIONAL_ONLY and parameter.default is parameter.empty:
            raise ValueError(f"{parameter.name} cannot be passed by keyword, and TRL passes everything so")
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        raise ValueError("it takes no **columns at its end, and TRL passes every column of the data; add them")
    settable = [parameter.name for parameter in named if parameter.name not in PASSED]
    for option in options:
        if option in PASSED:
            raise ValueError(f"option {option!r} is passed by the trainer; leave it out")
        if option not in settable:
            raise ValueError(f"the function has no parameter {option!r} for that option; {nearest(option, settable)}")
    needed = [p.name for p in named if p.default is p.empty and p.name not in (*PASSED, *options)]
    for one in ("prompt", "completion"):
        if one in needed:
            raise ValueError(f"it has a parameter {one!r}, and TRL passes {one}s, a list with one for each completion")
    return tuple(needed)


def _as_float(value: float | Decimal | Fraction) -> float:
    try:
        return float(value)
    except OverflowError:  # an infinite value is a failure of its row only
        return math.inf if value > 0 else -math.inf


def _numbers(values: Any, count: int) -> list[float | None]:
    """One number or None per completion, from a list, an array or a tensor."""
    wanted = f"expected one number for each of {count} completions"
    if hasattr(values, "tolist"):
        values = values.tolist()
    if values is None:
        raise ValueError(f"{wanted}, got None; does the function return its values?")
    if isinstance(values, str | bytes) or not isinstance(values, Sequence | ValuesView):
        raise ValueError(f"{wanted}, got {type(values).__name__}")
    if len(values) != count:
        raise ValueError(f"{wanted}, got {len(values)} values")
    numbers: list[float | None] = []
    for row, value in enumerate(values):
        if getattr(value, "ndim", None) == 0:
            value = value.item()
        if value is not None and not isinstance(value, int | float | Decimal | Fraction):
            raise ValueError(f"{wanted}, got {value!r:.60} for completion {row + 1}")
        numbers.append(None if value is None else _as_float(value))
    return numbers
