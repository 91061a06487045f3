"""Any function with TRL's reward signature as a reward module."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rewards.reward import Reward, Scores, Text
from verifiers.runtime.names import nearest

PASSED = ("prompts", "completions", "completion_ids", "trainer_state", "log_extra", "log_metric")
"""What TRL passes by keyword to every reward function, beside a list for each column of the data."""


class FunctionReward(Reward):
    """Wraps `(prompts, completions, completion_ids, **columns) -> list[float | None]`, plain or async.

    What it returns may also be an array or a tensor. Parameters without a default are columns that the data must have.

    Args:
        function: the function; it takes `**columns`, as TRL demands, for TRL passes every column of the data.
        name: the name in the logs.
        options: values for its parameters; no column of the data overrides them.

    Raises:
        ValueError: TRL could not call it, or it has no parameter of an option's name.
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
            ValueError: it did not return one number or None for each completion.
        """
        given = {"prompts": prompts, "completions": completions, "completion_ids": completion_ids, **columns}
        values = self.function(**{**given, **self.options})
        if inspect.isawaitable(values):
            values = asyncio.run(_finish(values))
        return Scores(_numbers(values, len(completions)))


def build(name: str, where: str, options: Mapping[str, Any]) -> FunctionReward:
    """The reward from `module:function` or `path/to/file.py:function`; options become keyword arguments.

    Raises:
        ValueError: there is no such module or function (the message names the nearest), TRL could not call it, or an
            option is none of its parameters.
    """
    return FunctionReward(find(where), name, options)


def find(where: str) -> Callable[..., Any]:
    """The function that `module:function` or `path/to/file.py:function` names, looked up from the current folder.

    Raises:
        ValueError: there is no such module or function.
    """
    place, _, attribute = where.rpartition(":")
    if place.endswith(".py"):
        if not Path(place).is_file():
            raise ValueError(f"no file {place!r}")
        spec = importlib.util.spec_from_file_location(f"{Path(place).stem}_of_the_config", place)
        assert spec is not None and spec.loader is not None
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # where dataclasses look
        spec.loader.exec_module(module)
    else:
        if (here := str(Path.cwd())) not in sys.path:
            sys.path.insert(0, here)
        try:
            module = importlib.import_module(place)
        except ModuleNotFoundError as error:
            if error.name is None or not (place == error.name or place.startswith(f"{error.name}.")):
                raise  # the module is there, and something that it imports is not
            raise ValueError(f"no module {place!r} in {here} or among the installed ones") from None
    if not callable(getattr(module, attribute, None)):
        functions = [name for name, value in vars(module).items() if inspect.isroutine(value)]
        raise ValueError(f"{place} has no function {attribute!r}; {nearest(attribute, functions)}")
    return getattr(module, attribute)


async def _finish(awaitable: Any) -> Any:
    return await awaitable


def _columns(function: Callable[..., Any], options: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that a function needs, once it is certain that TRL can call it."""
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
    return tuple(needed)


def _numbers(values: Any, count: int) -> list[float | None]:
    """One number or None for each completion, of a list, an array or a tensor."""
    wanted = f"one number for each of {count} completions is wanted"
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise ValueError(f"{wanted}, got {type(values).__name__}")
    if len(values) != count:
        raise ValueError(f"{wanted}, got {len(values)} values")
    numbers: list[float | None] = []
    for row, value in enumerate(values):
        if getattr(value, "ndim", None) == 0:
            value = value.item()
        if value is not None and not isinstance(value, int | float):
            raise ValueError(f"{wanted}, got {value!r:.60} for completion {row + 1}")
        numbers.append(None if value is None else float(value))
    return numbers
