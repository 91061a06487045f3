r"""Finds the program in a completion: the block or blocks that define what is going to be called.

The rules, in this order:

1. Only what follows the thinking counts, and nothing from a chat marker on, nor from the next question that a base
   model adds (`Q:`, `Question:`, `### Instruction:` at the start of a line outside of a block, once there was a
   program).
2. Where the last tag (`<answer>`, `<code>`, `<solution>`, `<program>`, `<python>`, `[PYTHON]`) holds code, only its
   content counts.
3. Blocks are fenced by ```` ``` ```` or `~~~`, three or more. A fence of the same kind and at least the same length
   closes; one inside a triple-quoted string does not. A block may be cut off (no closing fence) or opened by the
   prompt (a closing fence alone). Marked as Python are `python`, `py`, `python3`, `python3.11`, `{.python}`, `python
   title="a.py"` and their kin; blocks marked as another language are no program, unless nothing else defines what is
   called. A block that holds blocks stands for them. Of a session (`>>> `, `In [1]: `) the program is what was typed.
4. Of the blocks, each name that is needed is taken from the last block that defines it, with the blocks that define
   what these use (imports, helpers). A bare signature, a sketch of a class and a body that only raises
   `NotImplementedError` define nothing, nor does an import where a block defines the name. Without needed names, or
   where no block defines one: a program that reads its input is the last block that reads; else the last block that is
   more than an example call, a literal or a table of output; marked blocks go before unmarked ones.
5. Without a block, or where none defines what is called: the whole text where it parses, else the longest run of lines
   from a line of code on that parses, else code in single backticks that defines it, else the whole text. Where none
   of these is a program, it may be a string of JSON, as in the call of a tool (`{"code": "…"}`).
6. A program that does not parse is read without invisible characters. Where it is called, prose around it and an end
   that was cut off are left out, too, unless what is left out defines a needed name anew.
"""

from __future__ import annotations

import ast
import html
import re
import textwrap
from collections.abc import Iterable

from verifiers.answer.completion import without_thinking
from verifiers.execution.blocks import CODE_LINE, LINE, NEXT, STARTS, Block, blocks, parse, parses
from verifiers.execution.repairs import in_json, is_session, seen, typed, without_language

_TRIES = 20
"""Ends that are tried for a program without a block."""

_STARTS = 5
"""Lines of a text without a block that are tried as its program's first."""

_LINE_END = re.compile(r"\r\n?")
_CHAT = re.compile(r"<\|[a-z_]+\|>|</s>|<end_of_turn>|<｜[^｜]+｜>|(?m:^[ \t]*\[DONE\])")
_TAG = re.compile(
    r"<(?P<name>answer|code|solution|program|python|parameter)(?:=\w{1,20}|\s[^<>\n]{1,80})?>(?P<inside>.*?)(?:</(?P=name)>|\Z)"
    r"|\[PYTHON\](?P<bracketed>.*?)(?:\[/PYTHON\]|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_TAGS_ALONE = re.compile(r"</?(?:answer|code|solution|program|python|pre)>", re.IGNORECASE)
_INLINE = re.compile(r"(?<!`)`([^`\n]{1,500})`(?!`)")
_READS = re.compile(r"\binput[ \t]*\(|\bstdin\b|\bopen[ \t]*\([ \t]*0\b|\bfileinput\b|/dev/stdin|\braw_input\b")
_MARKER = re.compile(r"[ \t]*(?:\[/?[A-Z]+\]|BEGIN|END|DONE|</?code>)?[ \t]*")
_INSIDE = ("", " ", "\t", ")", "]", "}")
"""First characters of a line that goes on with a statement of the top level."""


def program(completion: str, needed: Iterable[str] = (), *, reads: bool = False, starter: str = "") -> str:
    """The program in a completion.

    Args:
        completion: the text.
        needed: names that will be called; none where the program is run as it is.
        reads: whether the program is run with text on its standard input.
        starter: code that the prompt gave and the completion may continue, such as a signature; empty where it gave
            none.

    Returns:
        Its text; the blocks that make it up with a blank line between them.
    """
    needed = frozenset(needed)
    text = _tagged(_ending(completion), needed)
    found = blocks(text)
    candidates = [block for block in found if block.marked is not False]
    if needed and not any(needed & block.makes for block in candidates):
        candidates = [block for block in found if needed & block.makes] or candidates
    if not any(needed & block.makes for block in candidates) and (written := _in_json(text, candidates, needed)):
        candidates = written
    chosen = _chosen(candidates, needed, reads)
    code = "\n\n".join(block.code for block in chosen) if chosen else _unfenced(text, needed)
    if not parses(code):
        code = _repaired(code, needed)
    if needed and not needed & Block(code, None).makes:
        beside = _unfenced(text, needed) if chosen else code
        if needed & Block(beside, None).makes and parses(beside):
            return beside
        if starter and (whole := _continued(starter, [code, text] if chosen else [text, code], needed)):
            return whole
        inline = [span for span in _INLINE.findall(text) if needed & Block(span, None).makes and parses(span)]
        code = inline[-1] if inline else code
    return code


def _in_json(text: str, candidates: list[Block], needed: frozenset[str]) -> list[Block]:
    """The programs in a tool's call, or in another object of JSON, where nothing else is one."""
    written = [Block(code, True) for code in in_json(text)]
    defining = [block for block in written if needed & block.makes]
    if not written or (candidates and not defining):
        return []
    written = defining or written
    whole = Block(text.strip(), None)
    return [] if needed & whole.makes or (whole.tree is not None and not whole.is_example) else written


def _ending(text: str) -> str:
    """What follows the thinking, up to the first marker of another turn after some text."""
    text = without_thinking(_LINE_END.sub("\n", text.removeprefix("\ufeff"))).replace("<|python_tag|>", "\n")
    for marker in _CHAT.finditer(text):
        if text[: marker.start()].strip():
            return text[: marker.start()]
    return text


def _tagged(text: str, needed: frozenset[str]) -> str:
    """The content of the last tag that holds the program; the whole text where none does."""
    for tag in reversed(list(_TAG.finditer(text))):
        inside = tag["bracketed"] if tag["bracketed"] is not None else tag["inside"]
        code = textwrap.dedent(inside.strip("\n")).strip()
        if "&" in code and not parses(code):  # HTML writes `<` as `&lt;`
            inside = html.unescape(inside)
            code = html.unescape(code)
        if blocks(inside) or (parses(code) and (needed & Block(code, None).makes or CODE_LINE.search(code[:LINE]))):
            return code if parses(code) else inside
    return text


def _chosen(candidates: list[Block], needed: frozenset[str], reads: bool) -> list[Block]:
    """The blocks that make up the program, in the text's order."""
    chosen: set[int] = set()
    for name in needed:
        if (owner := _owner(name, candidates)) is not None:
            chosen.add(owner)
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
            if (owner := _owner(name, candidates)) is not None:
                chosen.add(owner)
                waiting.append(owner)
    return [candidates[index] for index in sorted(chosen)]


def _owner(name: str, candidates: list[Block]) -> int | None:
    """The last block that defines a name; without one the last that imports it.

    A block without a mark that does not parse, such as pseudo-code, comes after those that are marked and do.
    """
    for names in ([block.makes for block in candidates], [block.defines for block in candidates]):
        if owners := [index for index, found in enumerate(names) if name in found]:
            sound = [i for i in owners if candidates[i].marked and candidates[i].tree]
            doubtful = candidates[owners[-1]].marked is None and candidates[owners[-1]].tree is None
            return (sound or owners)[-1] if doubtful else owners[-1]
    return None


def _unfenced(text: str, needed: frozenset[str]) -> str:
    """The program in a text without blocks."""
    text = without_language(_TAGS_ALONE.sub("\n", text))
    if is_session(text) and needed & Block(typed(text), None).makes:
        return typed(text)
    lines = textwrap.dedent(text.strip("\n")).split("\n")
    while lines and (_MARKER.fullmatch(lines[0]) or _MARKER.fullmatch(lines[-1])):
        lines = lines[1:] if _MARKER.fullmatch(lines[0]) else lines[:-1]
    text = "\n".join(lines)
    nexts = [index for index, line in enumerate(lines) if NEXT.match(line)]
    if nexts and (end := next((i for i in nexts if "\n".join(lines[:i]).strip()), None)):
        lines = lines[:end]
        text = "\n".join(lines)
    if parses(text.strip("\n")):
        return text
    if needed and (indented := _indented(lines, needed)):
        return indented
    for sign in (STARTS, CODE_LINE):
        starts = [index for index, line in enumerate(lines) if sign.match(line[:LINE])][:_STARTS]
        found = [code for index in starts if (code := _longest(lines[index:]))]
        defining = [code for code in found if needed & Block(code, None).makes]
        if defining or (found and (sign is STARTS or not needed)):
            return (defining or found)[0]
    return text


def _indented(lines: list[str], needed: frozenset[str]) -> str | None:
    """The program in a block that only its indentation sets apart from the prose, as in Markdown; None without one."""
    for start, line in enumerate(lines):
        if (
            line[:1] in " \t"
            and STARTS.match(line.lstrip()[:LINE])
            and not "".join(lines[max(0, start - 1) : start]).strip()
        ):
            end = next(
                (i for i in range(start, len(lines)) if lines[i].strip() and lines[i][:1] not in " \t"), len(lines)
            )
            code = textwrap.dedent("\n".join(lines[start:end]))
            if needed & Block(code, None).makes and parses(code):
                return code
    return None


def _repaired(code: str, needed: frozenset[str]) -> str:
    """A program that does not parse, without what is invisible in it, prose around it, and an end that was cut off.

    Only an end that defines nothing of what is needed is left out, and only where something is needed: a program that
    is run as it is would print less than it was going to.
    """
    if parses(cleaned := seen(code)):
        return cleaned
    whole = _unfenced(cleaned, needed) if needed else code
    after = cleaned.partition(whole)[2]
    return whole if needed <= Block(whole, None).makes and not needed & Block(after, None).defines else code


def _continued(starter: str, texts: Iterable[str], needed: frozenset[str]) -> str | None:
    """The prompt's code with the completion as its continuation; None where the two do not make a program."""
    first = starter.rstrip().split("\n")
    inner = re.match(r"[ \t]*", first[-1])
    deeper = "    " if first[-1].rstrip().endswith(":") else ""
    margin = (inner[0] if inner else "") + deeper or "    "
    for rest in texts:
        body = rest.strip("\n")
        bodies = [body, margin + body.lstrip(), textwrap.indent(textwrap.dedent(body), margin)]
        for candidate in (other for text in bodies for other in dict.fromkeys((text, seen(text)))):
            whole = _longest([*first, *candidate.split("\n")], at_least=len(first) + 1)
            if whole is not None and not _returns_outside(whole) and needed & Block(whole, None).makes:
                return whole
    return None


def _returns_outside(code: str) -> bool:
    """Whether a program returns where no function is, as a body does that is not indented."""
    tree = parse(code)[0]
    waiting: list[ast.AST] = list(tree.body) if tree else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Return):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))
    return False


def _longest(lines: list[str], at_least: int = 1) -> str | None:
    """The longest beginning of these lines that parses, cut before a line that is not indented."""
    end = len(lines)
    for _ in range(_TRIES):
        tree, wrong = parse("\n".join(lines[:end]))
        if tree is not None:
            return "\n".join(lines[:end])
        last = min(end - 1, wrong if wrong else end - 1)
        end = next((i for i in range(last, at_least - 1, -1) if lines[i][:1] not in _INSIDE), 0)
        if not end:
            return None
    return None
