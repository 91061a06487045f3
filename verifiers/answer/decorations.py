"""Takes away what people put around an answer: quotation marks, emoji, a smiley, `~` or `#` before a number."""

from __future__ import annotations

import re

from verifiers.answer.latex import GARBAGE

EMOJI_BEHIND = re.compile("[\\s\u2705\u2713\u2714\u2611\u2728\ufe0f\U0001f300-\U0001faff]+$")
"""Emoji and check marks at the end of a text."""
_EMOJI_BEFORE = re.compile("^[\\s\u2705\u2713\u2714\u2611\u2728\u27a1\ufe0f\U0001f300-\U0001faff]+")
_SMILEY = re.compile(r"(?<=\s)[:;]-?[()D]$|(?<=[0-9])!{2,}$")
_REMARK = re.compile(r"(?<=[0-9])\s\(=[^()]{1,60}\)$")
_BEFORE_NUMBER = re.compile(r"^(?:[~≈#]|#{2,3}\s|[a-z]:\s)\s?(?=[-$]?[0-9])")


def undecorated(text: str) -> str:
    """An answer without what people put around it: quotation marks, emoji, a smiley, `~` or `#` before a number."""
    text = text.strip()
    if not text.isascii():
        text = EMOJI_BEHIND.sub("", _EMOJI_BEFORE.sub("", text))
    text = _REMARK.sub("", _SMILEY.sub("", text)).strip()
    if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    text = text.strip(GARBAGE)
    if text[-1:] in ")]" and not any(sign in text for sign in "(["):
        text = text[:-1].rstrip()
    return _BEFORE_NUMBER.sub("", text.removesuffix("?").removesuffix("\\"))
