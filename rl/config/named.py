"""Checks that the models, functions and files that a config names exist, without loading or importing them.

These are the policy, everything that rewards name, and teachers.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rewards.models.folder import fault, in_hub_cache
from rl.errors import UserError, beside
from verifiers.runtime.names import nearest

if TYPE_CHECKING:
    from rl.config import Config
    from rl.config.sections import Reward

OF_THE_RUN = ("policy", "base", "embedded")
"""Names that mean the policy itself, and not another model."""
NO_MODEL = ("judge", "consistency")
"""Rewards whose `model` is no model: a name on a server, or a folder of several, which the reward itself checks."""
MODEL_OPTIONS = ("baseline",)
"""Options that name a model."""
FILE_OPTIONS = ("rubric_file",)
"""Options that name a file."""


def missing_on_hub(config: Config, coming: Collection[str] = ()) -> list[tuple[str, str]]:
    """The models that a config names and that are not on this machine, as (key, where they will come from).

    Args:
        config: a checked config.
        coming: folders in which earlier stages will leave their policies.

    Raises:
        UserError: a file, a function or a model's folder does not exist.
    """
    lines = _looked_for(
        [
            ("policy.model", config.policy.model),
            ("algorithm.critic.start", _critic_start(config)),
            ("algorithm.first_sampler", getattr(config.algorithm, "first_sampler", None) or "policy"),
            ("algorithm.process.start", _process_start(config)),
        ],
        coming,
    )
    if (template := config.policy.chat_template) is not None and not Path(template).expanduser().is_file():
        raise UserError("policy.chat_template", f"no file {template!r}{beside(Path(template))}")
    for name, reward in config.rewards.items():
        if reward.function is not None:
            function_source(f"rewards.{name}.function", reward.function)
        for key, file in _named(reward, FILE_OPTIONS):
            if not Path(file).expanduser().is_file():
                raise UserError(f"rewards.{name}.{key}", f"no file {file!r}{beside(Path(file))}")
        lines += _looked_for([(f"rewards.{name}.{key}", model) for key, model in _models(name, reward)], coming)
    teachers = [one.model for one in getattr(config.algorithm, "teacher", []) if one.model not in OF_THE_RUN]
    return lines + _looked_for([("algorithm.teacher", model) for model in teachers], coming)


def _looked_for(models: list[tuple[str, str]], coming: Collection[str]) -> list[tuple[str, str]]:
    """Those of the models, given as (key, model), that only the hub can have, with a line about each."""
    named = [(key, model) for key, model in models if model not in (*OF_THE_RUN, *coming)]
    asked = [(key, model) for key, model in named if not _is_here(key, model)]
    on_hub = "is not on this machine; a run downloads it from the hub when it starts"
    return [(key.removeprefix("rewards."), f"{model} {on_hub}") for key, model in asked]


def _critic_start(config: Config) -> str:
    critic = getattr(config.algorithm, "critic", None)
    return "policy" if critic is None else critic.start


def _process_start(config: Config) -> str:
    process = getattr(config.algorithm, "process", None)
    return "policy" if process is None or process.start == "sampler" else process.start


def _models(name: str, reward: Reward) -> Iterator[tuple[str, str]]:
    kind = reward.kind or name
    if reward.model not in (None, *OF_THE_RUN) and kind not in NO_MODEL and reward.function is None:
        yield "model", reward.model
    yield from _named(reward, MODEL_OPTIONS)


def _named(reward: Reward, options: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if reward.function is None:
        for option in options:
            if isinstance(value := reward.options.get(option), str):
                yield f"options.{option}", value


def _is_here(key: str, model: str) -> bool:
    """Whether a model is a folder here or in the hub's cache; False where only the hub can say.

    Raises:
        UserError: it can only be a folder, and that does not exist or has no model in it.
    """
    if (what := fault(model)) is not None:
        raise UserError(key, f"{model!r} {what}")
    folder = Path(model).expanduser()
    if folder.is_dir():
        return True
    # a hub id has one slash at most; a name that begins with a folder that exists here is meant as a path
    if model.startswith((".", "/", "~")) or model.count("/") > 1 or ("/" in model and folder.parent.is_dir()):
        raise UserError(key, f"no folder {model!r}{beside(folder)}")
    from huggingface_hub.errors import HFValidationError

    try:
        return in_hub_cache(model) is not None
    except HFValidationError:
        raise UserError(key, f"{model!r} is neither a folder here nor a name that the hub has") from None


def function_source(key: str, where: str) -> ast.Module | None:
    """The file of a function of the user's, read but not run; None if it is built in or compiled.

    Args:
        key: the key that names the function, for messages.
        where: `module:function` or `file.py:function`.

    Raises:
        UserError: there is no such file or module, it is not Python, or it defines no such name.
    """
    place, _, attribute = where.rpartition(":")
    path = Path(place).expanduser()
    if (path / "__init__.py").is_file():
        path = path / "__init__.py"
    elif not place.endswith(".py"):
        files = _module_files(place)
        if not files:
            raise UserError(key, f"no module {place!r} in {Path.cwd()} or among the installed ones")
        path = files[0]
        if path.suffix != ".py":
            return None  # its names are known only once it is imported
    if not path.is_file():
        raise UserError(key, f"no file {place!r}{beside(path)}")
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise UserError(key, f"{place} is not Python: {error.msg} (line {error.lineno})") from None
    first, names = attribute.partition(".")[0], _top_names(tree)
    if names is not None and first not in names:
        raise UserError(key, f"{place} has no function {first!r}; {nearest(first, names)}")
    return tree


def _module_files(name: str) -> list[Path]:
    """The files that an import of a module would find, without running its packages; empty if there are none."""
    top, *rest = name.split(".")
    folder = Path.cwd()
    if not (folder / top).is_dir() and not (folder / f"{top}.py").is_file():
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            return []
        if spec is None:
            return []
        if not rest or not spec.submodule_search_locations:  # a module such as `os.path` is not a file in a package
            return [Path(spec.origin if spec.origin and not rest else "built-in")]
        folder = Path(next(iter(spec.submodule_search_locations))).parent
    base = folder.joinpath(top, *rest)
    candidates = (base.with_name(f"{base.name}.py"), base / "__init__.py", *base.parent.glob(f"{base.name}.*.so"))
    return [file for file in candidates if file.is_file()]


def _top_names(tree: ast.Module) -> set[str] | None:
    """The names that a module defines at its top level; None if only running it can tell."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    made = any(isinstance(node, ast.Name) and node.id in ("globals", "setattr") for node in ast.walk(tree))
    return None if made or {"*", "__getattr__"} & names else names
