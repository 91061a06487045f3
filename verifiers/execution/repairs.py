"""Code as it is pasted, made into code that Python reads: sessions, JSON, invisible characters, names of languages."""

from __future__ import annotations

import json
import re

_SESSION = re.compile(r"(?m)^[ \t]*(?:>>> |In \[\d+\]: )")
_PROMPT = re.compile(r"[ \t]*(?:>>>|\.\.\.|In \[\d+\]:|\.{3,}:)(?: |$)")
_LANGUAGE = re.compile(r"\s*(?:'''|\"\"\")?(?:python|py)[\d.]*[ \t]*\n", re.IGNORECASE)
_UNSEEN = re.compile("[\u200b\u200c\u200d\u2060\ufeff]")
_SPACES = re.compile("[\u00a0\u2002\u2003\u2007\u2009\u202f\u3000]")


_MEMBER = re.compile(
    r"\"(?:code|program|source|source_code|script|solution|completion|python|answer|arguments|input)\"\s*:\s*(\"(?:[^\"\\]|\\.)*\")",
    re.DOTALL,
)
_NESTED = 3
"""Levels of JSON inside of JSON's strings that are read, as where a call's arguments are JSON again."""


def in_json(text: str, depth: int = 0) -> list[str]:
    """The programs that stand in strings of JSON, as in the call of a tool, in order.

    Args:
        text: a completion or a part of it.
        depth: how many strings of JSON the text stands in.
    """
    found: list[str] = []
    for member in _MEMBER.finditer(text) if '"' in text else ():
        try:
            inside = json.loads(member[1], strict=False)
        except ValueError:
            continue
        found += (in_json(inside, depth + 1) if depth < _NESTED else []) or [inside]
    return found


def is_session(code: str) -> bool:
    """Whether a text is a session of an interpreter (`>>> `) or of a notebook (`In [1]: `)."""
    return _SESSION.search(code) is not None


def typed(session: str) -> str:
    """What was typed in a session, without the prompts and the output."""
    lines = [(_PROMPT.match(line), line) for line in session.split("\n")]
    return "".join(line[prompt.end() :] + "\n" for prompt, line in lines if prompt)


def without_language(code: str) -> str:
    """The code without a first line that only names the language, as it stands where a fence got lost."""
    return code[name.end() :] if (name := _LANGUAGE.match(code)) else code


def seen(code: str) -> str:
    """The code without invisible characters, and with plain spaces for those of typesetting."""
    return _SPACES.sub(" ", _UNSEEN.sub("", code))
