"""Tells the dollar signs that are money from those that delimit formulas."""

from __future__ import annotations

import re

from verifiers.answer.latex import CURRENCY

_PROSE = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{2,}[,;]?\s+(?:[A-Za-z]{2,}|[$])")


def mask_money(text: str) -> str:
    """The text with each dollar sign that is money, and delimits no formula, as `CURRENCY`."""
    if "$" not in text:
        return text
    pieces: list[str] = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        pieces.append(text[at:dollar])
        at = dollar + 1
        if dollar and text[dollar - 1] == "\\":
            pieces.append("$")
            continue
        if text.startswith("$$", dollar):
            closing = text.find("$$", dollar + 2)
            pieces.append(text[dollar:] if closing < 0 else text[dollar : closing + 2])
            at = len(text) if closing < 0 else closing + 2
            continue
        closing = re.compile(r"(?<!\\)\$").search(text, at)
        inside = text[at : closing.start()] if closing else ""
        if (
            not closing
            or "\n" in inside
            or len(inside) > 4000
            or (
                re.match(r"\s?[0-9.]", inside)
                and (
                    _PROSE.search(inside)
                    or (re.search(r"(?:\s|[-+*/(=×])$", inside) and text[closing.end() : closing.end() + 1].isdigit())
                )
            )
        ):
            pieces.append(CURRENCY)
        else:
            pieces.append(text[dollar : closing.end()])
            at = closing.end()
    return "".join([*pieces, text[at:]])
