"""Reads a config: YAML files with includes, and `key=value` overrides of any depth.

Imports without torch, so that a config is checked in under a second. An error is a `UserError` with the key, the file
(or the command line) that it came from, and the nearest valid name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rl.config import layers
from rl.config.algorithms import ALGORITHMS
from rl.config.checks import check_combinations, checked_trainer
from rl.config.embedded import AdditionTask, ChainTask, FactsTask, StoriesTask, ZipTask
from rl.config.foreign import refuse_foreign
from rl.config.secrets import refuse_secrets
from rl.config.section import TRUTH, Section
from rl.config.sections import Config, DatasetTask, ReasoningGymTask, Reward
from rl.config.wrong_key import WrongKey
from rl.errors import UserError
from verifiers.runtime.names import nearest

_TASKS: dict[str, type[Section]] = {
    "addition": AdditionTask,
    "chain": ChainTask,
    "facts": FactsTask,
    "stories": StoriesTask,
    "zip": ZipTask,
    "reasoning_gym": ReasoningGymTask,
    "dataset": DatasetTask,
}

_TRAINS = ("rewards", "mix", "algorithm", "trainer")
"""Sections that only training reads."""
QUOTE = "put quotes around it"
_TYPES = {
    "string": "a text",
    "dict": "keys with values",
    "list": "a list",
    "tuple": "a list",
    "int": "a whole number",
    "int_from_float": "a whole number",
    "float": "a number",
    "bool": "true or false",
}
"""pydantic's name of a type → what a value of it is."""
_TAGGED = {"task": _TASKS, "algorithm": ALGORITHMS}
"""Section whose `name` selects its class → its classes."""


def load(path: str | Path | None, overrides: Sequence[str] = ()) -> Config:
    """Read a config file with its includes and overrides.

    Args:
        path: a YAML file. Its `include:` names one or more files, relative to it, on which it builds. None if the
            config consists of overrides only.
        overrides: `key=value`, of any depth; the value is read as YAML. `task=NAME` and `algorithm=NAME` are short for
            the section's `name`.

    Raises:
        UserError: the config is wrong; the message is one line.
    """
    return _checked(_of_one_run(path, overrides))


def load_stages(path: str | Path | None, overrides: Sequence[str] = ()) -> dict[str, Config]:
    """Read a config of several stages: consecutive runs, each of which starts from the final policy of the one before.

    The keys under `stages.NAME` override those that all stages share. The runs are called `name.NAME`, and their
    folders are in the folder `name`. A `model: stages.NAME`, for example of a teacher, a `first_sampler`, or the
    `start` of a critic or a process reward model is the final policy of that earlier stage.

    Args:
        path: a YAML file, as for `load`.
        overrides: as for `load`; `stages.NAME.key=value` for one stage.

    Returns:
        Stage → its config, in order; empty if the config is a single run.

    Raises:
        UserError: a stage is wrong; the message is one line.
    """
    configs: dict[str, Config] = {}
    files = layers.read(None if path is None else Path(path), overrides)
    for stage, own in layers.stages(files).items():
        shared = layers.merge(own)
        name, folder = shared.get("name", ""), shared.get("logging", {}).get("folder", "runs")
        given: dict[str, Any] = {"name": f"{name}.{stage}", "logging": {"folder": f"{folder}/{name}"}}
        named = any(OmegaConf.select(values, f"stages.{stage}.policy.model") for _, values in files)
        if configs and not named:
            before = list(configs.values())[-1]
            given["policy"] = {"model": str(before.run_folder / "model")}
        try:
            left = {f"stages.{name}": str(config.run_folder / "model") for name, config in configs.items()}
            configs[stage] = _checked([*own, layers.Layer(layers.COMMAND_LINE, OmegaConf.create(given))], left)
        except UserError as error:
            raise UserError(error.where, f"stages.{stage}: {error.what}") from None
    return configs


def load_to_measure(path: str | Path | None, overrides: Sequence[str], model: str) -> Config:
    """Read what a config says about its task, sampling and evaluation, without what only training uses.

    Args:
        path: a YAML file, as for `load`; if it has stages, the last one counts. None for overrides alone.
        overrides: as for `load`.
        model: the policy to measure.

    Raises:
        UserError: the config is wrong; the message is one line.
    """
    files = layers.read(None if path is None else Path(path), overrides)
    files = list(layers.stages(files).values())[-1] if layers.stages(files) else files
    measured = [layers.Layer(where, layers.without(values, _TRAINS)) for where, values in files]
    least = {"name": "eval", "policy": {"model": model}, "algorithm": "grpo", "rewards": {"correctness": {"weight": 1}}}
    return _checked([*measured, layers.Layer(layers.COMMAND_LINE, OmegaConf.create(least))], trains=False)


def load_to_sample(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read what a config says about its task, policy, sampling and rewards, without how it trains.

    A config without rewards gets `correctness`.

    Args:
        path: a YAML file, as for `load`.
        overrides: as for `load`.

    Raises:
        UserError: the config is wrong; the message is one line.
    """
    files = _of_one_run(path, overrides)
    drawn = [
        layers.Layer(
            where, values if where == layers.COMMAND_LINE else layers.without(values, ("algorithm", "trainer"))
        )
        for where, values in files
    ]
    least: dict[str, Any] = {"algorithm": "grpo"}
    if not any(layers.merge(files).get("rewards") or {}):
        least["rewards"] = {"correctness": {"weight": 1}}
    return _checked([layers.Layer(layers.COMMAND_LINE, OmegaConf.create(least)), *drawn], trains=False)


def _of_one_run(path: str | Path | None, overrides: Sequence[str]) -> list[layers.Layer]:
    """The layers of a config.

    Raises:
        UserError: it has several stages.
    """
    files = layers.read(None if path is None else Path(path), overrides)
    if names := list(layers.stages(files)):
        what = f"stages: {', '.join(names)} are runs of their own; whetstone train and check read them"
        raise UserError(layers.origin(files, "stages"), what)
    return files


def _checked(files: Sequence[layers.Layer], left: Mapping[str, str] | None = None, *, trains: bool = True) -> Config:
    """A config, checked.

    Args:
        files: its layers.
        left: `stages.NAME` → the folder of that stage's policy; None for a config of one run.
        trains: whether it is for a training, in whose batches groups have to fit.
    """
    values = layers.merge(files)
    refuse_foreign(files, values.get("rewards"))
    try:
        refuse_secrets(values)
        values = values if left is None else _with_models_of_stages(values, left)
        config = Config.model_validate(values)
        config = config.model_copy(update={"trainer": checked_trainer(config)})
        check_combinations(config, trains=trains)
    except ValidationError as error:
        key, what = _explain(error, values)
        if (where := layers.origin(files, key)) == layers.COMMAND_LINE:
            what = what.replace(QUOTE, f"{QUOTE}, inside those of the shell: '{key}=\"…\"'")
        raise UserError(where, f"{key}: {what}") from None
    except WrongKey as error:
        raise UserError(layers.origin(files, error.key), f"{error.key}: {error.what}") from None
    return config


def _with_models_of_stages(values: Any, left: Mapping[str, str], key: str = "") -> Any:
    """The values with each model that is named by its stage replaced by the folder of that stage's policy."""
    if isinstance(values, dict):
        return {name: _with_models_of_stages(value, left, f"{key}.{name}".strip(".")) for name, value in values.items()}
    if isinstance(values, list):
        return [_with_models_of_stages(one, left, key) for one in values]
    is_model = key.rpartition(".")[2] in ("model", "teacher", "first_sampler", "start")
    if not (is_model and isinstance(values, str) and values.startswith("stages.")):
        return values
    if values not in left:
        raise WrongKey(key, f"{values!r} is not a stage before this one; {nearest(values, left)}")
    return left[values]


def load_recorded(path: str | Path) -> Config:
    """Read the config that a run left in its folder; its rewards may come from anywhere, as on its command line.

    Args:
        path: what `dump` wrote.

    Raises:
        UserError: it is no valid config now.
    """
    return _checked([layers.Layer(layers.COMMAND_LINE, values) for _, values in layers.read(Path(path), ())])


def dump(config: Config) -> str:
    """The resolved config as YAML; `load` reads it back as the same config."""
    return OmegaConf.to_yaml(OmegaConf.create(config.model_dump(mode="json", by_alias=True)))


def undump(text: str) -> dict[str, Any]:
    """The values of a dumped config, with the defaults of keys that did not exist yet when it was written.

    Args:
        text: what `dump` returned, perhaps in an older version. If it is not a valid config now, its values are
            returned unchanged.
    """
    values = cast(dict[str, Any], OmegaConf.to_container(OmegaConf.create(text)))
    try:
        return Config.model_validate(values).model_dump(mode="json", by_alias=True)
    except (ValidationError, WrongKey):
        return values


def _explain(error: ValidationError, values: Any) -> tuple[str, str]:
    """The key and a plain message for the first of pydantic's errors.

    Args:
        error: what pydantic found.
        values: the values that it was given.
    """
    problems = error.errors(include_url=False)
    # report an unknown key first: it often explains why another one is missing
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    location, alike = _keys_of(problem, values), [problem]
    if location and problem["type"] != "extra_forbidden":
        # a value of several possible types has an error for each; that of the type it comes closest to goes deepest
        alike = [p for p in problems if _keys_of(p, values)[: len(location)] == location]
        problem = max(alike, key=lambda p: len(_keys_of(p, values)))
        location = _keys_of(problem, values)
    context = problem.get("ctx", {})
    key = ".".join(location)
    more = f" (and {len(problems) - len(alike)} more)" if len(problems) > len(alike) else ""
    if problem["type"] == TRUTH:
        return ".".join([*location, context["field"]]), f"expected a number, got {context['value']!r}{more}"
    if problem["type"] == "extra_forbidden" and ":" in location[-1]:
        return key, f"unknown key; a space is missing after its colon{more}"
    if problem["type"] == "extra_forbidden":
        return key, f"unknown key; {nearest(location[-1], _keys_at(problem['loc'][:-1]))}{more}"
    if problem["type"] == "missing":
        return key, f"is needed and not there{more}"
    if problem["type"] == "union_tag_invalid":
        names = context["expected_tags"].replace("'", "").split(", ")
        return f"{key}.name", f"{context['tag']!r} is not one; {nearest(str(context['tag']), names)}{more}"
    if problem["type"] == "union_tag_not_found":
        return f"{key}.name", f"is needed and not there{more}"
    if problem["type"] == "literal_error":
        names = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return key, f"{problem['input']!r} is not one; {nearest(str(problem['input']), names)}{more}"
    given, alone = problem["input"], len(alike) == 1
    if problem["type"] == "string_type" and isinstance(given, int | float | dict | list if alone else int | float):
        kinds = {bool: "true or false", dict: "keys with values", list: "a list"}
        kind = kinds.get(type(given), "a number")
        return key, f"YAML reads {given!r} as {kind}; {QUOTE}{more}"
    if problem["type"] in ("dict_type", "model_type", "model_attributes_type"):
        return key, f"expected a section with keys, got {problem['input']!r}{more}"
    said = (_said(p) for p in alike if _keys_of(p, values) == location)
    first, *others = dict.fromkeys(f"{one[0].lower()}{one[1:]}" for one in said)
    message = ", or ".join([first, *(one.removeprefix("expected ") for one in others)])
    return key, f"{message}, got {problem['input']!r}{more}"


def _said(problem: ErrorDetails) -> str:
    """What pydantic says of an error, in plain words."""
    kind = problem["type"].partition("_")[0] if problem["type"].endswith(("_type", "_parsing")) else problem["type"]
    return f"expected {_TYPES[kind]}" if kind in _TYPES else problem["msg"].removeprefix("Value error, ")


def _keys_of(problem: ErrorDetails, values: Any) -> list[str]:
    """The keys of an error's place in a config: pydantic's location without the names of classes and types in it."""
    keys: list[str] = []
    for place, part in enumerate(problem["loc"]):
        in_list = isinstance(values, list) and isinstance(part, int) and part < len(values)
        if in_list or (isinstance(values, Mapping) and part in values):
            values = cast(Any, values)[part]
        elif problem["type"] != "missing" or place < len(problem["loc"]) - 1:
            continue
        keys.append(str(part))
    return keys


def _keys_at(location: Sequence[str | int]) -> list[str]:
    """The valid keys at a location in the config, which has the chosen name after `task` and `algorithm`."""
    section: type[Section] = Config
    chosen: dict[str, type[Section]] = {}
    for part in location:
        if part in chosen:
            section, chosen = chosen[str(part)], {}
        elif part in _TAGGED and section is Config:
            chosen = _TAGGED[str(part)]
        elif part == "rewards":
            section = Reward
        elif part in section.model_fields:
            annotation = section.model_fields[str(part)].annotation
            candidates = (annotation, *getattr(annotation, "__args__", ()))
            section = next((c for c in candidates if isinstance(c, type) and issubclass(c, Section)), section)
    return [field.alias or name for name, field in section.model_fields.items()]
