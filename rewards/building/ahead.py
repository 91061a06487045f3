"""Looks at a reward before a run: whether its options are valid, and which columns of the data it needs.

No model is loaded, and the user's code is read but not run. What only they could tell is not looked at.
"""

from __future__ import annotations

import ast
import copy
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from rewards import REWARDS
from rewards.parts.context import Context

WITHOUT_MODELS = ("correctness", "diversity", "format", "length", "repetition", "steps")
"""Rewards that are made without loading a model or a slow library."""


def needed_columns(
    name: str, settings: Mapping[str, Any], context: Context, source: ast.Module | None = None
) -> tuple[str, ...]:
    """The columns that a reward needs; none if only its model or the user's code could tell.

    Args:
        name: the name in the config.
        settings: its section, as in `rewards.building.build.build`.
        context: the context, which may have no policy.
        source: the file of its `function`; None if there is none, or if it cannot be read.

    Raises:
        ValueError: a key or an option is unknown or invalid, or TRL could not call the function.
    """
    if not settings.get("function"):
        kind = settings.get("kind") or name
        if kind not in WITHOUT_MODELS:
            return ()
        return importlib.import_module(REWARDS[kind]).build(name, settings, context).columns
    function = None if source is None else signature_alone(source, settings["function"].rpartition(":")[2])
    if function is None:
        return ()
    from rewards.building.function import FunctionReward  # asyncio, which a config without functions need not load

    return FunctionReward(function, name, settings.get("options")).columns


def signature_alone(source: ast.Module, name: str) -> Callable[..., Any] | None:
    """A function that has the parameters of one in a file and does nothing.

    Args:
        source: the file.
        name: name of the function.

    Returns:
        None if the file defines no such function at its top level, defines it more than once, or decorates it.
    """
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(source) if isinstance(node, kinds) and node.name == name]
    if len(found) != 1 or found[0] not in source.body or found[0].decorator_list:
        return None
    function = copy.deepcopy(found[0])
    given = function.args
    for one in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg):
        if one is not None:
            one.annotation = None
    given.defaults = [ast.Constant(None) for _ in given.defaults]
    given.kw_defaults = [default and ast.Constant(None) for default in given.kw_defaults]
    function.body, function.returns = [ast.Pass()], None
    names: dict[str, Any] = {}
    exec(compile(ast.fix_missing_locations(ast.Module([function], [])), "the signature alone", "exec"), names)
    return names[name]
