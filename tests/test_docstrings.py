"""Public functions say what they take: those with two parameters or more have `Args`, and `Args` names each of them."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
SHARED = {"build": "rewards/building", "score": "rewards/reward.py"}
"""Signatures that every reward shares, and where their parameters are explained once."""


def undocumented(path):
    """Lines `file:line: function lacks …` for the public functions and methods of a file."""
    for node in ast.walk(tree := ast.parse(path.read_text(encoding="utf-8"))):
        for inner in ast.iter_child_nodes(node):
            inner.parent = node
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        if not isinstance(node.parent, ast.Module | ast.ClassDef):
            continue
        if isinstance(node.parent, ast.ClassDef) and node.parent.bases:
            continue  # mostly the base's method, which explains its parameters once
        if any("cli" in (name := ast.unparse(decorator)) or "click" in name for decorator in node.decorator_list):
            continue  # the command line explains its own arguments
        given = node.args
        names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs) if a.arg not in ("self", "cls")]
        if len(names) < 2 or (node.name in SHARED and path.is_relative_to(ROOT / "rewards")):
            continue
        text = ast.get_docstring(node) or ""
        section = text.partition("Args:\n")[2]
        missing = [name for name in names if not re.search(rf"^\s*(\w+, )*\*{{0,2}}{name}\b.*:", section, re.MULTILINE)]
        if missing:
            yield f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} lacks {', '.join(missing)}"


def test_public_functions_name_their_parameters():
    files = [path for room in ("verifiers", "rewards", "rl") for path in sorted((ROOT / room).rglob("*.py"))]
    assert [line for path in files for line in undocumented(path)] == []
