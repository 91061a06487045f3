"""The arguments of TRL's config classes, read from their source so that nothing heavy is imported.

Importing `trl.GRPOConfig` takes many seconds because it pulls in torch. A config must be checked in less than one, so
the dataclass fields are read from the installed files with `ast`: own fields first, then those of the base classes.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import typing
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from verifiers.runtime.names import nearest

_FILES = {
    "GRPOConfig": ("trl", "trainer/grpo_config.py"),
    "DPOConfig": ("trl", "trainer/dpo_config.py"),
    "SFTConfig": ("trl", "trainer/sft_config.py"),
    "ORPOConfig": ("trl", "experimental/orpo/orpo_config.py"),
    "_BaseConfig": ("trl", "trainer/base_config.py"),
    "TrainingArguments": ("transformers", "training_args.py"),
}
_NAMES = {name: getattr(typing, name) for name in ("Any", "Literal", "Optional", "Union")} | {
    kind.__name__: kind for kind in (bool, int, float, str, list, dict, tuple)
}


@cache
def arguments(config_class: str) -> dict[str, str]:
    """Every argument of a TRL config class with its annotation as source text.

    Args:
        config_class: such as `GRPOConfig`.
    """
    package, file = _FILES[config_class]
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations, f"{package} is a dependency of this package"
    tree = ast.parse((Path(spec.submodule_search_locations[0]) / file).read_text(encoding="utf-8"))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == config_class)
    found: dict[str, str] = {}
    for base in body.bases:
        if isinstance(base, ast.Name) and base.id in _FILES:
            found.update(arguments(base.id))
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            annotation = ast.unparse(node.annotation)
            if not annotation.startswith("ClassVar"):
                found[node.target.id] = annotation
    return found


def convert(name: str, annotation: str, value: Any) -> Any:
    """The value as the argument's type, so that `learning_rate: 1` becomes 1.0.

    Args:
        name: the argument.
        annotation: its annotation, as `arguments` gives it; types that are not plain Python count as Any.
        value: what the config says.

    Raises:
        ValueError: the value is not of that type.
    """
    if value is False and "Strategy" in annotation:  # YAML 1.1 reads `no` as false
        value = "no"
    if isinstance(value, bool) and "bool" not in annotation and "Any" not in annotation:
        raise ValueError(f"expected {annotation}, got {value!r}")
    for kind in re.findall(r"\w*(?:Strategy|Names|SchedulerType)\b", annotation):
        if isinstance(value, str) and (members := _members(kind)) and value not in members:
            raise ValueError(f"{value!r} is not one; {nearest(value, members)}")
    try:
        return _adapter(annotation).validate_python(value)
    except ValidationError:
        raise ValueError(f"expected {annotation}, got {value!r}") from None


@cache
def _members(enum: str) -> tuple[str, ...]:
    """The values of one of transformers' enums of strings, read from its source; empty if it is defined elsewhere."""
    spec = importlib.util.find_spec("transformers")
    assert spec is not None and spec.submodule_search_locations, "transformers is a dependency of this package"
    for file in ("training_args.py", "trainer_utils.py"):
        tree = ast.parse((Path(spec.submodule_search_locations[0]) / file).read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name == enum:
                values = [item.value for item in node.body if isinstance(item, ast.Assign)]
                return tuple(str(value.value) for value in values if isinstance(value, ast.Constant))
    return ()


@cache
def _adapter(annotation: str) -> TypeAdapter:
    scope: dict[str, Any] = {}
    for node in ast.walk(ast.parse(annotation)):
        if isinstance(node, ast.Name):
            # transformers' enums are strings in a config; other types can only be made by code and are not checked here
            enum = node.id.endswith(("Type", "Names", "Strategy"))
            scope[node.id] = _NAMES.get(node.id, str if enum else Any)
    return TypeAdapter(eval(annotation, {"__builtins__": {}}, scope), config=ConfigDict(arbitrary_types_allowed=True))
