"""The rooms of the tree depend on each other in one direction."""

import ast
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = [
    "verifiers/verdict",
    "verifiers/__init__",
    "verifiers/runtime/names",
    "verifiers/answer",
    "verifiers/algebra",
    "verifiers/arithmetic",
    "verifiers/deduction",
    "verifiers/execution",
    "verifiers/*",
    "verifiers/runtime",
    "rewards/models",
    "rewards/reward",
    "rewards/sample",
    "rewards/parts",
    "rewards/mixing",
    "rewards/*",
    "rewards/building",
    "rewards/prototyping",
    "rl/errors",
    "rl/terminal",
    "rl/interrupt",
    "rl/config",
    "rl/progress",
    "rl/tasks",
    "rl/policy",
    "rl/storage",
    "rl/sampling",
    "rl/credit",
    "rl/examples",
    "rl/context",
    "rl/setup",
    "rl/algorithms",
    "rl/analysis",
    "rl/prm",
    "rl/runs",
    "rl/rounds",
    "rl/training",
    "rl/stages",
    "rl/traces",
    "rl/preflight",
    "rl/smoke",
    "rl/commands",
    "rl/cli",
    "rl/train",
]
"""Rooms and single files from the lowest to the highest; `*` is every other file of a package."""
BESIDE_EACH_OTHER = {"verifiers/*": {"verifiers/runtime"}}
"""The verifiers and what runs them: a verifier is found by name, and may use the workers."""
LAZY = {("rewards/__init__.py", "rewards/prototyping"), ("rewards/__init__.py", "rewards/prototyping/score")}
"""`rewards.score` is looked up when it is asked for."""


def modules():
    return sorted(file for package in ("verifiers", "rewards", "rl") for file in (ROOT / package).rglob("*.py"))


def layer(name):
    """The place of a module, such as `rl/credit/gae`, among the layers."""
    parts = name.split("/")
    for candidate in (name, "/".join(parts[:2]), f"{parts[0]}/*"):
        if candidate in LAYERS:
            return LAYERS.index(candidate)
    raise AssertionError(f"{name} is in no layer")


def imported(file):
    """The modules of the three packages that a module imports, also inside of functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        base = node.module.replace(".", "/")
        if base.split("/")[0] not in ("verifiers", "rewards", "rl"):
            continue
        for alias in node.names:
            inner = f"{base}/{alias.name}"
            is_module = (ROOT / f"{inner}.py").exists() or (ROOT / inner).is_dir()
            target = inner if is_module else base
            yield f"{target}/__init__" if (ROOT / target).is_dir() and "/" not in target else target


@pytest.mark.parametrize("file", modules(), ids=lambda file: str(file.relative_to(ROOT)))
def test_no_module_imports_from_a_higher_room(file):
    name = str(file.relative_to(ROOT).with_suffix(""))
    own = name.removesuffix("/__init__") if name.count("/") > 1 else name
    for target in imported(file):
        beside = BESIDE_EACH_OTHER.get(LAYERS[layer(own)], set())
        if (f"{name}.py", target) in LAZY or "/".join(target.split("/")[:2]) in beside:
            continue
        assert layer(target) <= layer(own), f"{name} imports {target}, which stands above it"


def test_every_room_of_the_tree_is_in_a_layer():
    folders = {str(f.parent.relative_to(ROOT)) for f in modules()}
    rooms = {"/".join(folder.split("/")[:2]) for folder in folders if "/" in folder}
    assert rooms <= set(LAYERS)
    assert len(LAYERS) == len(set(LAYERS)) and all(a != b for a, b in pairwise(LAYERS))
