"""Any function with TRL's reward signature as a reward module."""

from __future__ import annotations

import asyncio
import functools
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rewards.reward import Reward, Scores, Text
from verifiers.names import nearest


class FunctionReward(Reward):
    """Wraps `(prompts, completions, completion_ids, **columns) -> list[float | None]`, plain or async.

    Args:
        function: the function; keyword parameters it does not take are not an error only if it takes `**kwargs`, as
            with TRL.
        name: the name in the logs.
    """

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.name = name
        self.function = function

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
        values = self.function(prompts=prompts, completions=completions, completion_ids=completion_ids, **columns)
        if inspect.isawaitable(values):
            values = asyncio.run(_finish(values))
        if not isinstance(values, Sequence) or len(values) != len(completions):
            got = f"{len(values)} values" if isinstance(values, Sequence) else type(values).__name__
            raise ValueError(f"one number for each of {len(completions)} completions is wanted, got {got}")
        return Scores([None if value is None else float(value) for value in values])


def build(name: str, where: str, options: Mapping[str, Any]) -> FunctionReward:
    """The reward from `module:function` or `path/to/file.py:function`; options become keyword arguments.

    Raises:
        ValueError: there is no such module or function; the message names the nearest.
    """
    function = find(where)
    return FunctionReward(functools.partial(function, **options) if options else function, name)


def find(where: str) -> Callable[..., Any]:
    """The function that `module:function` or `path/to/file.py:function` names, looked up from the current folder.

    Raises:
        ValueError: there is no such module or function.
    """
    place, _, attribute = where.rpartition(":")
    if place.endswith(".py"):
        if not Path(place).is_file():
            raise ValueError(f"no file {place!r}")
        spec = importlib.util.spec_from_file_location(Path(place).stem, place)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
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
