"""The fenced blocks of a completion, and what each of them defines and uses."""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
import warnings
from dataclasses import dataclass
from functools import cached_property

from verifiers.execution.repairs import is_session, typed, without_language

_PARSED = 60_000
"""Characters past which a text is not parsed here; names are then found line by line."""
LINE = 2_000
"""Characters past which a line is no fence with code beside it, and no sign of code."""

_FENCE = re.compile(r"[ \t>]*(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)")
_AFTER_PROSE = re.compile(r"[^`\n]+(?P<fence>`{3,})(?P<info>[ \t]*[\w.]*)[ \t]*")
_INLINE = re.compile(r"`{3,}[ \t]*(?P<info>[A-Za-z0-9.]*)[ \t]+(?P<code>[^`\n]+)`{3,}\.?")
_PYTHON = re.compile(r"[{\s]*\.?(?:i?python|py|sage|tool_code|starlark)[\d.]*(?![A-Za-z\d])", re.IGNORECASE)
NEXT = re.compile(  # a next question
    r"(?:#{1,4} ?)?(?:\*\*)?(?:Q|Question|Problem|Exercise|Task|Instruction|Human|User|Input)"
    r"(?:[ \t]*#?\d+)?(?:\*\*)?[ \t]*:"
)
_BOUND = re.compile(
    r"(?m)^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)"
    r"|^import[ \t]+(\w+)|^from[ \t].*?import[ \t]+(.+)"
)
CODE_LINE = re.compile(
    r"(?:def|class|import|from|for|while|if|try|with|async|print|return|@)\b|@\w"
    r"|[A-Za-z_][\w.\[\]'\", ]*[ \t]*[-+*/%|&^]?=(?!=)|\w+\("
)
STARTS = re.compile(r"(?:def|class|import|async def)[ \t]+\w|from[ \t]+[\w.]+[ \t]+import\b|@\w")
_GLUED = re.compile(  # the language and, on the same line, code
    r"[ \t]*(?P<info>(?:python|py)[\d.]*)[ \t]+(?P<code>(?:(?:async )?def|class|import|from)[ \t]+\w.*)", re.IGNORECASE
)
_WRAPPER = re.compile(r"[ \t]*(?:markdown|md|text|txt)?[ \t]*", re.IGNORECASE)
"""A block marked so may hold blocks of its own."""
_TRIPLES = ('"""', "'''")


@dataclass(frozen=True)
class Block:
    """A piece of a completion that may be the program, or a part of it.

    Attributes:
        code: its text, without the indentation that all lines share.
        marked: whether it is marked as Python; None where it has no mark, False where it is marked as something else.
        session: whether it was a session of an interpreter, of which `code` is what was typed.
    """

    code: str
    marked: bool | None
    session: bool = False

    @cached_property
    def tree(self) -> ast.Module | None:
        """Its syntax tree; None where it does not parse or is too long to be parsed here."""
        return _parsed(self.code)

    @cached_property
    def defines(self) -> frozenset[str]:
        """The names that it binds at its top level, bare signatures left out."""
        if self.tree is None:
            found = {
                name for groups in _BOUND.findall(self.code) for text in groups for name in re.findall(r"\w+", text)
            }
            return frozenset(found)
        return frozenset(name for statement in self.tree.body if not _is_stub(statement) for name in _binds(statement))

    @cached_property
    def makes(self) -> frozenset[str]:
        """The names that it defines itself: those it does not only import or sketch (`class Stack: ...`)."""
        if self.tree is None:
            return self.defines
        return frozenset(
            name
            for statement in self.tree.body
            if not (_is_stub(statement) or _is_sketch(statement) or isinstance(statement, (ast.Import, ast.ImportFrom)))
            for name in _binds(statement)
        )

    @cached_property
    def uses(self) -> frozenset[str]:
        """The names that it reads and does not bind anywhere itself."""
        if self.tree is None:
            return frozenset()
        names = [node for node in ast.walk(self.tree) if isinstance(node, ast.Name)]
        bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)} | self.defines
        bound |= {node.arg for node in ast.walk(self.tree) if isinstance(node, ast.arg)}
        return frozenset(node.id for node in names if node.id not in bound and not hasattr(builtins, node.id))

    @cached_property
    def acts(self) -> bool:
        """Whether it does more than define and import, so that it may be run on its own."""
        quiet = (
            ast.FunctionDef,
            ast.AsyncFunctionDef,
            ast.ClassDef,
            ast.Import,
            ast.ImportFrom,
            ast.Assign,
            ast.AnnAssign,
        )
        return self.tree is None or not all(isinstance(statement, quiet) for statement in self.tree.body)

    @cached_property
    def is_example(self) -> bool:
        """Whether it defines nothing and is a literal, a call, output, or a session of an interpreter."""
        if self.session:
            return True
        if self.tree is None:
            return not self.defines and not re.search(
                r"(?m)^\s*(?:print|return|for|while|import|from|def)\b", self.code
            )
        return all(isinstance(statement, (ast.Expr, ast.Assert)) for statement in self.tree.body)


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a text, in order; what stands before a fence that only closes is one of them."""
    lines = text.split("\n")
    found: list[Block] = []
    before: list[str] = []  # the lines since the last block
    index = 0
    while index < len(lines):
        line = lines[index]
        if found and NEXT.match(line):
            break
        if len(line) < LINE and (inline := _INLINE.fullmatch(line.strip())):
            found.append(_block([inline["code"]], inline["info"]))
        elif opening := _FENCE.fullmatch(line) or _AFTER_PROSE.fullmatch(line):
            glued = line[: opening.start("fence")]
            if not found and not opening["info"].strip() and _is_closed_by([*before, glued], lines[index + 1 :]):
                found.append(_block([*before, glued], "python"))
            else:
                if line.lstrip().startswith(">"):  # the block is in a quotation
                    lines[index + 1 :] = [re.sub(r"^[ \t]*> ?", "", other) for other in lines[index + 1 :]]
                end, last = _end(lines, index + 1, opening["fence"])
                info, first = _opened(opening["info"])
                inner = [*first, *lines[index + 1 : end], *last]
                wrapped = blocks("\n".join(inner)) if _WRAPPER.fullmatch(info) and _has_fence(inner) else []
                found += wrapped or [_block(inner, info)]
                index = end
            before = []
        else:
            before.append(line)
        index += 1
    return [block for block in found if block.code.strip()]


def defined(code: str) -> frozenset[str]:
    """The names that a program binds at its top level."""
    return Block(code, None).defines


def parses(code: str) -> bool:
    """Whether a text is a program, as far as it can be read here."""
    return _parsed(code) is not None


def _end(lines: list[str], start: int, fence: str) -> tuple[int, list[str]]:
    """The line that closes a block which begins at `start`, and code in front of the fence on that line."""
    closing: tuple[int, list[str]] | None = None
    quote = ""
    for index in range(start, len(lines)):
        line = lines[index]
        bare = line.strip(" \t>")
        ends = len(bare) >= len(fence) and set(bare) == {fence[0]}
        glued = not ends and fence[0] == "`" and bare.endswith(fence) and bare.count("```") == 1
        if ends or glued:
            here = index, [line[: line.rindex(fence)]] if glued else []
            if not quote:
                return here
            closing = closing or here
        quote = _quote_after(line, quote)
    return closing or (len(lines), [])  # a string that never ends was none: the first fence closes after all


def _quote_after(line: str, quote: str) -> str:
    """The triple quote that is open after a line, given the one that was open before it."""
    index = 0
    while index < len(line):
        if quote:
            end = line.find(quote, index)
            if end < 0:
                return quote
            index, quote = end + 3, ""
        elif line.startswith(_TRIPLES, index):
            quote, index = line[index : index + 3], index + 3
        elif line[index] == "#":
            return ""
        elif line[index] in "\"'":
            end = re.compile(rf"(?:\\.|[^\\{line[index]}])*{line[index]}").match(line, index + 1)
            index = end.end() if end else len(line)
        else:
            index += 1
    return quote


def _is_closed_by(before: list[str], after: list[str]) -> bool:
    """Whether a bare fence closes what stands before it: that is code, and what follows to the next fence is not."""
    code = "\n".join(before).strip("\n")
    if not any(CODE_LINE.match(line[:LINE]) for line in before) or _parsed(textwrap.dedent(code)) is None:
        return False
    following = "\n".join(
        after[: next((i for i, line in enumerate(after) if _FENCE.fullmatch(line)), len(after))]
    ).strip()
    return not following or _parsed(textwrap.dedent(following)) is None or not STARTS.search(following)


def _block(lines: list[str], info: str) -> Block:
    marked = None if not info.strip() else bool(_PYTHON.match(info))
    code = without_language(textwrap.dedent("\n".join(lines) + "\n"))
    if is_session(code) and _parsed(code) is None:
        return Block(typed(code), marked, session=True)
    return Block(code, marked)


def _opened(info: str) -> tuple[str, list[str]]:
    """What stands behind an opening fence: the language, and a first line of code on the same line."""
    glued = _GLUED.fullmatch(info[:LINE])
    return (glued["info"], [glued["code"]]) if glued else (info, [])


def _has_fence(lines: list[str]) -> bool:
    return any(_FENCE.fullmatch(line) for line in lines)


def _parsed(code: str) -> ast.Module | None:
    return parse(code)[0]


def parse(code: str) -> tuple[ast.Module | None, int]:
    """The syntax tree of a text; without one None and the line, from 1, where it is wrong, or 0."""
    if len(code) > _PARSED:
        return None, 0
    try:
        with warnings.catch_warnings():  # an invalid escape in somebody's string is no concern of ours
            warnings.simplefilter("ignore")
            return ast.parse(code), 0
    except SyntaxError as error:
        return None, error.lineno or 0
    except (ValueError, MemoryError, RecursionError):
        return None, 0


def _binds(statement: ast.stmt) -> set[str]:
    """The names that a statement of the top level binds."""
    if isinstance(statement, ast.ClassDef) and statement.name == "Solution":  # LeetCode's: a method is what is called
        return {statement.name, *(inner.name for inner in statement.body if isinstance(inner, ast.FunctionDef))}
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    found = {
        node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    inner = (ast.FunctionDef, ast.ClassDef)
    if isinstance(statement, (ast.If, ast.Try, ast.With)):
        found |= {node.name for node in ast.walk(statement) if isinstance(node, inner)}
    return found


def _is_stub(statement: ast.stmt) -> bool:
    """Whether a function has no body but a docstring, `pass`, `...` or `raise NotImplementedError`."""
    if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    return all(_is_filler(line) for line in statement.body)


def _is_sketch(statement: ast.stmt) -> bool:
    """Whether a class has no bases and no body; such a class may also be meant, where no other has the name."""
    return isinstance(statement, ast.ClassDef) and not statement.bases and all(map(_is_filler, statement.body))


def _is_filler(line: ast.stmt) -> bool:
    raised = line.exc if isinstance(line, ast.Raise) else None
    return (
        isinstance(line, ast.Pass)
        or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        or (raised is not None and "NotImplementedError" in ast.unparse(raised))
    )
