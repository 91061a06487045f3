"""Code as it is pasted, made into code that Python reads: sessions, invisible characters, names of languages."""

from __future__ import annotations

import re

_SESSION = re.compile(r"(?m)^[ \t]*(?:>>> |In \[\d+\]: )")
_PROMPT = re.compile(r"[ \t]*(?:>>>|\.\.\.|In \[\d+\]:|\.{3,}:)(?: |$)")
_LANGUAGE = re.compile(r"\s*(?:'''|\"\"\")?(?:python|py)[\d.]*[ \t]*\n", re.IGNORECASE)
_UNSEEN = re.compile("[\u200b\u200c\u200d\u2060\ufeff]")
_SPACES = re.compile("[\u00a0\u2002\u2003\u2007\u2009\u202f\u3000]")


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
