r"""Finds the program in a completion: the block or blocks that define what is going to be called.

The rules, in this order:

1. Only what follows the thinking counts, and nothing from a chat marker on, nor from the next question that a base model
   adds (`Q:`, `Question:`, `### Instruction:` at the start of a line outside of a block, once there was a program).
2. Where the last answer tag (`<answer>…</answer>`) holds code, only the tag's content counts.
3. Blocks are fenced by ```` ``` ```` or `~~~`, three or more. A fence of the same kind and at least the same length closes;
   one inside a triple-quoted string does not. A block may be cut off (no closing fence) or opened by the prompt (a closing
   fence alone). Marked as Python are `python`, `py`, `python3`, `python3.11`, `{.python}`, `python title="a.py"` and their
   kin; blocks marked as another language are no program, unless nothing else defines what is called.
4. Of the blocks, each name that is needed is taken from the last block that defines it (a bare signature with no body
   defines nothing), with the blocks that define what these use (imports, helpers). Without needed names, or where no
   block defines one: a program that reads its input is the last block that reads; else the last block that is more than
   an example call, a literal or a table of output; marked blocks go before unmarked ones.
5. Without a block: the whole text where it parses, else the longest run of lines from the first line of code on that
   parses, else the whole text.
"""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from verifiers.answer.completion import without_thinking

_PARSED = 60_000
"""Characters past which a text is not parsed here; names are then found line by line."""
_TRIES = 20
"""Ends that are tried for a program without a block."""
_LINE = 2_000
"""Characters past which a line is no fence with code beside it, and no sign of code."""

_FENCE = re.compile(r"[ \t>]*(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)")
_AFTER_PROSE = re.compile(r"[^`\n]+(?P<fence>`{3,})(?P<info>[ \t]*[\w.]*)[ \t]*")
_INLINE = re.compile(r"`{3,}[ \t]*(?P<info>[A-Za-z0-9.]*)[ \t]+(?P<code>[^`\n]+)`{3,}\.?")
_PYTHON = re.compile(r"[{\s]*\.?(?:i?python|py|sage|tool_code|starlark)[\d.]*(?![A-Za-z\d])", re.IGNORECASE)
_SESSION = re.compile(r"(?m)^\s*>>> ")
_CHAT = re.compile(r"<\|[a-z_]+\|>|</s>|<end_of_turn>|<｜[^｜]+｜>")
_ANSWER = re.compile(r"(?is)<answer>(.*?)(?:</answer>|\Z)")
_NEXT = re.compile(
    r"(?:#{1,4} ?)?(?:\*\*)?(?:Q|Question|Problem|Exercise|Task|Instruction|Human|User|Input)(?:[ \t]*#?\d+)?(?:\*\*)?[ \t]*:"
)
_BOUND = re.compile(
    r"(?m)^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)|^import[ \t]+(\w+)|^from[ \t].*?import[ \t]+(.+)"
)
_READS = re.compile(r"\binput[ \t]*\(|\bstdin\b|\bopen[ \t]*\([ \t]*0\b|\bfileinput\b|/dev/stdin|\braw_input\b")
_CODE_LINE = re.compile(
    r"(?:def|class|import|from|for|while|if|try|with|async|print|return|@)\b|@\w|[A-Za-z_][\w.\[\]'\", ]*[ \t]*[-+*/%|&^]?=(?!=)|\w+\("
)
_MARKER = re.compile(r"[ \t]*(?:\[/?[A-Z]+\]|BEGIN|END|DONE|</?code>)?[ \t]*")
_STARTS = re.compile(r"(?:def|class|import|async def)[ \t]+\w|from[ \t]+[\w.]+[ \t]+import\b|@\w")
_TRIPLES = ('"""', "'''")
_INSIDE = ("", " ", "\t", ")", "]", "}")
"""First characters of a line that goes on with a statement of the top level."""


@dataclass(frozen=True)
class Block:
    """A piece of a completion that may be the program, or a part of it.

    Attributes:
        code: its text, without the indentation that all lines share.
        marked: whether it is marked as Python; None where it has no mark, False where it is marked as something else.
    """

    code: str
    marked: bool | None

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
        if _SESSION.search(self.code):
            return True
        if self.tree is None:
            return not self.defines and not re.search(
                r"(?m)^\s*(?:print|return|for|while|import|from|def)\b", self.code
            )
        return all(isinstance(statement, (ast.Expr, ast.Assert)) for statement in self.tree.body)


def program(completion: str, needed: Iterable[str] = (), *, reads: bool = False, starter: str = "") -> str:
    """The program in a completion.

    Args:
        completion: the text.
        needed: names that will be called; none where the program is run as it is.
        reads: whether the program is run with text on its standard input.
        starter: code that the prompt gave and the completion may continue, such as a signature; empty where it gave none.

    Returns:
        Its text; the blocks that make it up with a blank line between them.
    """
    text = _ending(completion)
    needed = frozenset(needed)
    for tagged in reversed(_ANSWER.findall(text)):
        if blocks(tagged) or (_parsed(tagged.strip()) is not None and _CODE_LINE.search(tagged[:_LINE])):
            text = tagged
            break
    found = blocks(text)
    candidates = [block for block in found if block.marked is not False]
    if needed and not any(needed & block.defines for block in candidates):
        candidates = [block for block in found if needed & block.defines] or candidates
    chosen = _chosen(candidates, needed, reads)
    code = "\n\n".join(block.code for block in chosen) if chosen else _unfenced(text)
    if (
        starter
        and needed
        and not needed & Block(code, None).defines
        and (whole := _continued(starter, code, text, needed))
    ):
        return whole
    return code


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a text, in order; what stands before a fence that only closes is one of them."""
    lines = text.split("\n")
    found: list[Block] = []
    before: list[str] = []  # the lines since the last block
    index = 0
    while index < len(lines):
        line = lines[index]
        if found and _NEXT.match(line):
            break
        if len(line) < _LINE and (inline := _INLINE.fullmatch(line.strip())):
            found.append(_block([inline["code"]], inline["info"]))
        elif opening := _FENCE.fullmatch(line) or _AFTER_PROSE.fullmatch(line):
            glued = line[: opening.start("fence")]
            if not found and not opening["info"].strip() and _is_closed_by([*before, glued], lines[index + 1 :]):
                found.append(_block([*before, glued], "python"))
            else:
                if line.lstrip().startswith(">"):  # the block is in a quotation
                    lines[index + 1 :] = [re.sub(r"^[ \t]*> ?", "", other) for other in lines[index + 1 :]]
                end, last = _end(lines, index + 1, opening["fence"])
                found.append(_block([*lines[index + 1 : end], *last], opening["info"]))
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


def _ending(text: str) -> str:
    """What follows the thinking, up to the first chat marker after some text."""
    text = without_thinking(text.replace("\r\n", "\n"))
    for marker in _CHAT.finditer(text):
        if text[: marker.start()].strip():
            return text[: marker.start()]
    return text


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
    """Whether a bare fence closes what stands before it: that is code, and what follows up to the next fence is none."""
    code = "\n".join(before).strip("\n")
    if not any(_CODE_LINE.match(line[:_LINE]) for line in before) or _parsed(textwrap.dedent(code)) is None:
        return False
    following = "\n".join(
        after[: next((i for i, line in enumerate(after) if _FENCE.fullmatch(line)), len(after))]
    ).strip()
    return not following or _parsed(textwrap.dedent(following)) is None or not _STARTS.search(following)


def _block(lines: list[str], info: str) -> Block:
    marked = None if not info.strip() else bool(_PYTHON.match(info))
    return Block(textwrap.dedent("\n".join(lines) + "\n"), marked)


def _chosen(candidates: list[Block], needed: frozenset[str], reads: bool) -> list[Block]:
    """The blocks that make up the program, in the text's order."""
    chosen: set[int] = set()
    for name in needed:
        if owners := [index for index, block in enumerate(candidates) if name in block.defines]:
            chosen.add(owners[-1])
    if not chosen and candidates:
        marked = [index for index, block in enumerate(candidates) if block.marked] or list(range(len(candidates)))
        reading = [index for index, block in enumerate(candidates) if reads and _READS.search(block.code)]
        telling = [index for index in marked if not candidates[index].is_example]
        last = (reading or telling or marked)[-1]
        chosen.add(last if candidates[last].acts or last not in marked else marked[-1])
    waiting = list(chosen)
    while waiting:
        block = candidates[waiting.pop()]
        for name in block.uses - frozenset().union(*(candidates[index].defines for index in chosen)):
            owners = [index for index, other in enumerate(candidates) if name in other.defines]
            if owners:
                chosen.add(owners[-1])
                waiting.append(owners[-1])
    return [candidates[index] for index in sorted(chosen)]


def _unfenced(text: str) -> str:
    """The program in a text without blocks."""
    lines = text.strip("\n").split("\n")
    while lines and (_MARKER.fullmatch(lines[0]) or _MARKER.fullmatch(lines[-1])):
        lines = lines[1:] if _MARKER.fullmatch(lines[0]) else lines[:-1]
    text = "\n".join(lines)
    nexts = [index for index, line in enumerate(lines) if _NEXT.match(line)]
    if nexts and (end := next((i for i in nexts if "\n".join(lines[:i]).strip()), None)):
        lines = lines[:end]
        text = "\n".join(lines)
    if _parsed(text.strip("\n")) is not None:
        return text
    starts = [index for index, line in enumerate(lines) if _STARTS.match(line)]
    if not starts:
        return text
    return _longest(lines[starts[0] :]) or text


def _continued(starter: str, code: str, text: str, needed: frozenset[str]) -> str | None:
    """The prompt's code with the completion as its continuation; None where the two do not make a program."""
    for rest in (code, text):
        body = rest.strip("\n")
        for candidate in (body, textwrap.indent(textwrap.dedent(body), "    ")):
            first = starter.rstrip().split("\n")
            whole = _longest([*first, *candidate.split("\n")], at_least=len(first) + 1)
            if whole is not None and needed & Block(whole, None).defines:
                return whole
    return None


def _longest(lines: list[str], at_least: int = 1) -> str | None:
    """The longest beginning of these lines that parses, cut before a line that is not indented."""
    end = len(lines)
    for _ in range(_TRIES):
        tree, wrong = _parse("\n".join(lines[:end]))
        if tree is not None:
            return "\n".join(lines[:end])
        last = min(end - 1, wrong if wrong else end - 1)
        end = next((i for i in range(last, at_least - 1, -1) if lines[i][:1] not in _INSIDE), 0)
        if not end:
            return None
    return None


def _parsed(code: str) -> ast.Module | None:
    return _parse(code)[0]


def _parse(code: str) -> tuple[ast.Module | None, int]:
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
    """Whether a function has no body but a docstring, `pass` or `...`."""
    if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    return all(
        isinstance(line, ast.Pass) or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        for line in statement.body
    )
