r"""Cuts a completion down to the part in which its answer can stand, and takes the Markdown out of it.

Left out are

- thinking: `<think>…</think>` and its kin, also where the prompt opened the tag, so that only `</think>` stands in the
  completion; a tag that is never closed leaves nothing after it;
- a next question that a base model adds: a blank line and `Q:`, a line `Question: …`, `User: …`, `### Instruction`, a
  chat marker such as `<|im_start|>` or `[INST]`, once something stands before it;
- everything but the last `SEEN` characters of what remains.

Every function here takes linear time, whatever the text.
"""

from __future__ import annotations

import re

from verifiers.answer.latex import GARBAGE, readable

SEEN = 50_000
"""Characters of the answering part that are read, from its end."""

_THINKING = re.compile(
    r"<(?P<close>/)?(?:think|thinking|thought|thoughts|reasoning|scratchpad)>"
    r"|(?P<opened>\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|channel\|>analysis<\|message\|>)"
    r"|(?P<closed>\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<\|channel\|>final<\|message\|>)",
    re.IGNORECASE,
)
_THINKING_NAMES = (
    "think>", "thinking>", "thought>", "thoughts>", "reasoning>", "scratchpad>", "think]", "think▷", "_of_thought|>",
    "<|channel|>",
)  # fmt: skip
"""What every one of these marks holds, in lower case."""
_MARKER = (
    r"<[|｜][A-Za-z_▁ ]{1,40}[|｜]>(?:(?:user|assistant|system)\b)?|</?s>|<(?:start|end)_of_turn>(?:(?:user|model)\b)?"
    r"|\[/?INST\]|<</?SYS>>"
)
_LEADING = re.compile(rf"\s*(?:(?:{_MARKER})\s*)+")
_NEXT = re.compile(
    rf"{_MARKER}"
    r"|\n[ \t]*[#>*_]{0,4}[ \t]*"
    r"(?:(?:Next |New )?(?:Question|Problem|Exercise)(?:[ \t]*(?:#|No\.)?[ \t]*[0-9]{1,4})?[*_]{0,2}:"
    r"|(?:User|USER|Human|HUMAN)[*_]{0,2}:|Q[*_]{0,2}[:.][*_]{0,2}[ \t]+[\"“‘'$*]{0,2}[A-Za-z])"
    r"|\n[ \t]*\n[ \t]*[*_]{0,2}(?:Q[ \t]?[0-9]{0,4}|user|human)[*_]{0,2}:"
    r"|\n[ \t]*#{2,4}[ \t]*(?:Instruction|Question|Input|User|Human|Problem|Exercise)\b[^\n]{0,20}(?=\n|$)"
)
_LABEL = re.compile(r"\s*(?i:question|problem|exercise|task|q)\s*(?:#|No\.)?\s*[0-9]{1,3}\s*[:.)]\s+(?=\S)")
"""The number of the question, with which an answer may begin."""
_FENCE = re.compile(r"(?m)^[ \t]*(?:```|~~~)[A-Za-z]*[ \t]*$\n?")
# Asterisks are a power only between two operands, both tight or both spaced: `2**3`, `x ** 2`. Elsewhere they are bold.
BOLD = (
    r"(?<!\S)\*{2,3}(?=\S)|(?<=\S)\*{2,3}(?!\S)|(?<=[A-Za-z]{2})\*{2,3}|(?<![\w)\]}\s*])\*{2,3}|\*{2,3}(?![\s\w(\[{\\.+*−-])"
    r"|\*{2,3}(?=\.(?!\d))"
)
"""A pattern for the asterisks of bold text; also a part of the tokens of `verifiers.arithmetic.tokens`."""
_BOLD = re.compile(BOLD)
ITALIC = (
    r"(?<![\w)\]}*\\^])(?<![\d)\]}][ ])\*(?=[^\s*][^*\n]{0,80}(?<=\S)\*(?![\w*(\[{]))"
    r"|(?<=[\w%.!?)])\*(?![\w*(\[{\\ $+−-]|\.\d)"
)
"""A pattern for the asterisks of a text in italics, each of the two by itself."""
_ITALIC = re.compile(r"(?<![\w)\]}*\\^])(?<![\d)\]}][ ])\*(?=[^\s*])([^*\n]{1,80})(?<=\S)\*(?![\w*(\[{])")
_UNDERSCORED = re.compile(r"(?<![\w\\}$])(_{1,2})(?=[^\s_])([^_\n]{1,80})(?<=\S)\1(?!\w)")
_QUOTED = re.compile(r"(?<!`)`([^`\n]{1,200})`(?!`)")
_PROVED = re.compile(r"(?:\\q?quad\s*)?(?:\\(?:blacksquare|qed|checkmark)(?![A-Za-z])|[∎■])")
_BLOCKQUOTE = re.compile(r"(?m)^[ \t]*>[ \t]+")
_STRUCK = re.compile(r"(?<!~)~~(?=[^\s~])[^~\n]{1,200}(?<=\S)~~(?!~)")
_EMPTY_TAG = re.compile(r"<(answer|final|solution)>\s*</\1>", re.IGNORECASE)
_HTML = re.compile(r"</?(?:strong|em|b|i|u|br|p)\s?/?>", re.IGNORECASE)


def answering_part(completion: str) -> str:
    """The part of a completion in which its answer can stand, without Markdown; empty where there is none."""
    text = without_thinking(completion)
    text = readable(_without_next_question(text[-SEEN:] if len(text) > SEEN else text)).strip(GARBAGE)
    return plain(text)


def without_thinking(completion: str) -> str:
    """The completion without its thinking: what stands outside `<think>…</think>` and its kin."""
    return "".join(completion[start:end] for start, end in _outside_thinking(completion))


def spoken(completion: str) -> tuple[int, int]:
    """The last part of a completion that is no thinking, as (first character, one past the last).

    What follows it is thinking that never ends: what is said of an answer in there is a draft.
    """
    return _outside_thinking(completion)[-1]


def leaves_open(prompt: str) -> bool:
    """Whether a prompt ends with the opening of a thought, as many chat templates do with `<think>`."""
    prompt = prompt.rstrip()
    *_, last = [None, *_THINKING.finditer(prompt[-100:])]
    return last is not None and last.end() == len(prompt[-100:]) and not (last["close"] or last["closed"])


def closes(completion: str) -> bool:
    """Whether a completion has the end of a thought in it, whoever opened that."""
    return any(tag["close"] or tag["closed"] for tag in _THINKING.finditer(completion))


def _outside_thinking(completion: str) -> list[tuple[int, int]]:
    """The spans of a completion that are no thinking, in order; at least one, perhaps empty."""
    low = completion.lower()
    if not any(name in low for name in _THINKING_NAMES):
        return [(0, len(completion))]
    spans: list[tuple[int, int]] = []
    start = 0
    thinking = False
    for tag in _THINKING.finditer(completion):
        if tag["close"] or tag["closed"]:
            if not thinking:
                spans.clear()  # the prompt opened it
            start, thinking = tag.end(), False
        elif not thinking:
            spans.append((start, tag.start()))
            thinking = True
    if not thinking:
        spans.append((start, len(completion)))
    return spans


def plain(text: str) -> str:
    """The text without the marks of Markdown and HTML for bold, italics, code and the end of a proof."""
    if "\\" in text or not text.isascii():
        text = _PROVED.sub("", text)
    if "*" in text:
        text = _BOLD.sub("", text)
        text = _ITALIC.sub(r"\1", text)
    if "_" in text:
        text = _UNDERSCORED.sub(r"\2", text)
    if ">" in text:
        text = _BLOCKQUOTE.sub("", text)
    if "~~" in text:
        text = _STRUCK.sub("", text)
    if "`" in text or "~~~" in text:
        text = _QUOTED.sub(r"\1", _FENCE.sub("", text))
    if "<" in text and ("</" in text or "<br" in text):
        text = _EMPTY_TAG.sub(" ", _HTML.sub("", text))
    return text


def end_of_answer(completion: str) -> int:
    """Where a next question begins after the thinking; the completion's length where none does."""
    start = 0
    if any(name in completion.lower() for name in _THINKING_NAMES):
        tags = list(_THINKING.finditer(completion))
        if tags and not (tags[-1]["close"] or tags[-1]["closed"]):
            return len(completion)
        start = tags[-1].end() if tags else 0
    return _next_question(completion, start)


def _without_next_question(text: str) -> str:
    lead = _LEADING.match(text)
    start = lead.end() if lead else 0
    if label := _LABEL.match(text, start):
        start = label.end()
    return text[start : _next_question(text, start)]


def _next_question(text: str, start: int) -> int:
    """The index of the first mark of a next question before which something stands from `start` on."""
    for marker in _NEXT.finditer(text, start):
        if text[start : marker.start()].strip():
            return marker.start()
    return len(text)
