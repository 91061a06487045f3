"""Config files with their includes, and `key=value` overrides, as layers that remember where each key came from."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from rl.errors import UserError, beside

COMMAND_LINE = "command line"


class Layer(NamedTuple):
    """What one file or one override says."""

    where: str
    values: DictConfig


def read(path: Path | None, overrides: Sequence[str]) -> list[Layer]:
    """The layers of a config, weakest first.

    Args:
        path: the file; None if the config consists of overrides only.
        overrides: `key=value`.

    Raises:
        UserError: a file is missing, is not YAML or includes itself; an override is not `key=value`.
    """
    files = [] if path is None else _file_layers(path, ())
    return [*files, *(_override_layer(override) for override in overrides)]


def merge(layers: Sequence[Layer]) -> dict[str, Any]:
    """The layers as one set of values.

    `task: NAME` and `algorithm: NAME` are short for the section's `name`. If a layer changes that name, the keys that
    weaker layers set in the section are dropped, since they belong to another task or algorithm.

    Raises:
        UserError: values that cannot be merged, or an interpolation that leads nowhere.
    """
    merged: Any = OmegaConf.create({})
    for where, values in layers:
        try:
            for section in ("task", "algorithm"):
                if isinstance(name := OmegaConf.select(values, section), str):
                    values[section] = {"name": name}
                elif isinstance(name, ListConfig):
                    raise UserError(where, f"{section}: expected one name, or a section with keys, got {name}")
                name = OmegaConf.select(values, f"{section}.name")
                if name is not None and OmegaConf.select(merged, f"{section}.name") not in (None, name):
                    del merged[section]
            merged = OmegaConf.merge(merged, values)
        except OmegaConfBaseException as error:
            raise UserError(where, _first_line(error)) from None
        except TypeError:  # OmegaConf's word for a list where a section stands
            clash = next((key for key in values if _is_section(merged, key) and not _is_section(values, key)), "")
            raise UserError(where, f"{clash}: expected a section with keys, got {values.get(clash)!r}") from None
    try:
        return cast(dict[str, Any], OmegaConf.to_container(merged, resolve=True, throw_on_missing=True))
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None)
        where = origin(layers, key) if key else layers[-1].where
        what = _first_line(error) + (r"; to have ${ in a text, write \${" if "nterpolation" in str(error) else "")
        raise UserError(where, f"{key}: {what}" if key else what) from None


def stages(layers: Sequence[Layer]) -> dict[str, list[Layer]]:
    """The layers of each stage, by name in the order of the file; empty if the config is a single run.

    A stage's own keys override those that all stages share, and the command line overrides both.

    Args:
        layers: the layers of the whole config, weakest first.

    Raises:
        UserError: `stages` is not a mapping of names to sections.
    """
    shared = [Layer(where, without(values, ("stages",))) for where, values in layers]
    names: dict[str, None] = {}
    own: dict[str, list[Layer]] = {}
    for where, values in layers:
        given = OmegaConf.select(values, "stages")
        if given is None:
            continue
        if not isinstance(given, DictConfig):
            raise UserError(where, "stages: expected a mapping, name → the sections of that stage")
        for name, section in given.items():
            if not isinstance(section, DictConfig):
                raise UserError(where, f"stages.{name}: expected a mapping of sections, got {section!r}")
            names.setdefault(str(name))
            own.setdefault(str(name), []).append(Layer(where, section))
    return {
        name: [layer for strong in (False, True) for part in (shared, own[name]) for layer in part
               if (layer.where == COMMAND_LINE) == strong]
        for name in names
    }  # fmt: skip


def without(values: DictConfig, sections: Collection[str]) -> DictConfig:
    """A copy of what a layer says, without some sections.

    Args:
        values: what the layer says.
        sections: the names of the sections.
    """
    return OmegaConf.masked_copy(values, [str(key) for key in values if key not in sections])


def origin(layers: Sequence[Layer], key: str) -> str:
    """Where a key was set: the strongest layer that says anything of it, or else of the nearest section above it.

    Args:
        layers: the layers, weakest first.
        key: the key, with dots.
    """
    parts = key.split(".")
    for length in range(len(parts), 0, -1):
        for where, values in reversed(layers):
            if _says(OmegaConf.to_container(values), parts[:length]):
                return where
    return next((where for where, _ in reversed(layers) if where != COMMAND_LINE), COMMAND_LINE)


def _is_section(node: DictConfig, key: Any) -> bool:
    return isinstance(node.get(key), DictConfig)


def _says(node: Any, parts: Sequence[str]) -> bool:
    for part in parts:
        if not isinstance(node, dict) or part not in node:
            return False
        node = node[part]
    return True


def _file_layers(path: Path, parents: tuple[Path, ...]) -> list[Layer]:
    """The file's own layer after those it includes."""
    if path.resolve() in parents:
        raise UserError(str(parents[-1]), f"include: {path} includes itself")
    if _is_folder_or_unreadable(path):
        raise UserError(str(path)[:200], "is not a file that can be read as a config")
    if not path.is_file():
        raise UserError(str(path), f"no such file{beside(path)}")
    try:
        values = OmegaConf.load(path)
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise UserError(where, f"not valid YAML: {_in_plain_words(error, path)}") from None
    if not isinstance(values, DictConfig):
        raise UserError(str(path), "a config is a mapping of sections such as name:, task:, policy:")
    _arms(path, values.pop("arms", {}))
    includes = values.pop("include", [])
    includes = [includes] if isinstance(includes, str) else includes
    if not isinstance(includes, list | ListConfig) or not all(isinstance(include, str) for include in includes):
        raise UserError(str(path), f"include: expected a file or a list of files, got {includes!r}")
    layers: list[Layer] = []
    for include in includes:
        layers += _file_layers(path.parent / include, (*parents, path.resolve()))
    return [*layers, Layer(str(path), values)]


def arms(path: Path) -> dict[str, list[str]]:
    """The variants of a config for a comparison: name → `key=value` overrides, from its `arms:`.

    A run of the config itself uses none of them.

    Raises:
        UserError: there is no such file, or its `arms:` has another form.
    """
    _file_layers(path, ())
    return _arms(path, cast(DictConfig, OmegaConf.load(path)).get("arms", {}))


def _arms(path: Path, given: Any) -> dict[str, list[str]]:
    values = OmegaConf.to_container(given) if isinstance(given, DictConfig) else given
    if not isinstance(values, dict) or not all(
        isinstance(overrides, list) and all(isinstance(one, str) for one in overrides) for overrides in values.values()
    ):
        raise UserError(str(path), f"arms: expected name: [key=value, ...], got {values!r}")
    return {str(name): overrides for name, overrides in values.items()}


def _is_folder_or_unreadable(path: Path) -> bool:
    try:
        return path.is_dir() or (path.exists() and not os.access(path, os.R_OK))
    except OSError:  # such as a name that is too long for a file system
        return True


def values(overrides: Sequence[str]) -> dict[str, Any]:
    """Overrides alone, as plain values.

    Raises:
        UserError: one is not `key=value`.
    """
    return merge([_override_layer(override) for override in overrides]) if overrides else {}


def _override_layer(override: str) -> Layer:
    key, equals, _ = override.partition("=")
    if not equals or not key.strip():
        raise UserError(COMMAND_LINE, f"{override!r} is not key=value, such as trainer.max_steps=20")
    try:
        return Layer(COMMAND_LINE, OmegaConf.from_dotlist([override]))
    except (YAMLError, OmegaConfBaseException) as error:
        what = f"{_first_line(error)}; a value that YAML cannot read needs quotes inside those of the shell"
        raise UserError(COMMAND_LINE, f"{override!r}: {what}, as in '{key}=\"…\"'") from None


def _in_plain_words(error: Exception, path: Path) -> str:
    """What is wrong with a file that is not YAML, and, of the usual mistakes, what to do."""
    if isinstance(error, UnicodeDecodeError):
        return "it has bytes that are not UTF-8; save the file as UTF-8"
    said = str(getattr(error, "problem", None) or _first_line(error))
    mark = getattr(error, "problem_mark", None)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    above = lines[max(0, mark.line - 1) : mark.line + 1] if mark else []
    if any("\t" in line[: len(line) - len(line.lstrip())] for line in above):
        return f"{said}; a line begins with a tab, and YAML is indented with spaces"
    if "mapping values are not allowed" in said:
        if bare := next((found for line in above if (found := _NO_SPACE.match(line))), None):
            return f"{said}; {bare[1]!r} lacks a space after its colon"
        return f"{said}; a text with ': ' in it needs quotes around it, and keys of a section the same indentation"
    return said


_NO_SPACE = re.compile(r"\s*(\w+:[^\s/:][^:]*)$")
"""A line `key:value`, which YAML takes for a text."""


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
