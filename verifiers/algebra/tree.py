"""Trees of expressions (`verifiers.algebra.syntax` says what they are made of)."""

from __future__ import annotations

from typing import Any

Tree = tuple[Any, ...]


def symbols(tree: Tree) -> set[str]:
    """The names of the variables and of the applied functions in a tree."""
    names: set[str] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node[0] in ("sym", "apply"):
            names.add(node[1])
        for part in node[1:]:
            if isinstance(part, tuple):
                waiting.extend(part if part and isinstance(part[0], tuple) else (part,))
    return names


def balanced(sign: str, parts: list[Tree]) -> Tree:
    """Many terms or factors as a tree of little depth.

    Args:
        sign: the operator between them, `+` or `*`.
        parts: the terms or factors, one at least.
    """
    while len(parts) > 1:
        pairs = [(sign, *parts[index : index + 2]) for index in range(0, len(parts) - 1, 2)]
        parts = pairs + parts[len(parts) - len(parts) % 2 :] if len(parts) % 2 else pairs
    return parts[0]
