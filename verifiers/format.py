"""The form of a completion: tags, sections, length, repetition; the score is the share of the parts that hold.

What is asked for is named by the options; each tag, the tags' order, each section, the sections' order, each bound of
the length, and the repetition count as one part each.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

from verifiers.verdict import Verdict, judged

ONE_FORM = True
MOST_WORDS = 20_000
"""Words that are looked at for repetition."""


def verify(
    prediction: str,
    gold: str,
    *,
    tags: Sequence[str] = (),
    opened: str | None = None,
    sections: Sequence[str] = (),
    min_words: int = 0,
    max_words: int | None = None,
    max_repetition: float | None = None,
    ngram: int = 4,
) -> Verdict:
    """Judge the form of a completion, with partial credit by part; the reason names the parts that are missing.

    Args:
        prediction: the completion.
        gold: not read.
        tags: names of tags, each to be there once, closed, with something inside, in this order: `["think", "answer"]`
            for `<think>…</think><answer>…</answer>`. Case counts.
        opened: one of the tags where the prompt ends with its opening, as many chat templates do for `<think>`: the
            completion begins inside of it and only closes it.
        sections: texts that must begin a line each, in this order: `["Reasoning:", "####"]`.
        min_words: at least this many words, separated by white space.
        max_words: at most this many.
        max_repetition: at most this share of its n-grams of words may repeat an earlier one, in [0, 1].
        ngram: words in an n-gram.

    Returns:
        Judged, always.

    Raises:
        ValueError: no part is asked for, or an option makes no sense.
    """
    if opened is not None and opened not in tags:
        raise ValueError(f"opened is one of the tags, {', '.join(tags) or 'of which there are none'}, not {opened!r}")
    _check(tags, sections, min_words, max_words, max_repetition, ngram)
    parts: list[tuple[bool, str]] = []
    tagged = prediction if opened is None else f"<{opened}>{prediction}"
    places = [_tag(tagged, tag) for tag in tags]
    follow = _in_order(places) and all(
        tagged.find(f"</{tag}>") < place
        for tag, place in zip(tags[:-1], places[1:], strict=True)
        if isinstance(place, int)
    )
    parts += [(isinstance(place, int), f"<{tag}> {place}") for tag, place in zip(tags, places, strict=True)]
    if len(tags) > 1:
        parts.append((follow, "tags in another order, or one inside another"))
    lines = [_line(prediction, section) for section in sections]
    parts += [(line is not None, f"no section {section!r}") for section, line in zip(sections, lines, strict=True)]
    if len(sections) > 1:
        parts.append((_in_order(lines), "sections in another order"))
    words = prediction.split()
    if min_words:
        parts.append((len(words) >= min_words, f"{len(words)} words, fewer than {min_words}"))
    if max_words is not None:
        parts.append((len(words) <= max_words, f"{len(words)} words, more than {max_words}"))
    if max_repetition is not None:
        share = repetition(words[:MOST_WORDS], ngram)
        parts.append((share <= max_repetition, f"{share:.0%} of its {ngram}-grams repeat"))
    missing = [what for holds, what in parts if not holds]
    return judged(1 - len(missing) / len(parts), "; ".join(missing) or "right")


def gold_prediction(
    gold: str,
    *,
    tags: Sequence[str] = (),
    opened: str | None = None,
    sections: Sequence[str] = (),
    min_words: int = 0,
    **_: object,
) -> str:
    """A completion of the form that is asked for, with the gold in each part; the options are those of `verify`.

    Args:
        gold: the text to put into the parts.
        tags: names of tags.
        opened: the tag that the prompt opens.
        sections: texts that begin a line each.
        min_words: the fewest words.
    """
    text = "\n".join(
        [*(f"{section} {gold}" for section in sections), *(f"<{tag}>{gold or 'x'}</{tag}>" for tag in tags)]
    )
    if opened is not None:
        text = text.replace(f"<{opened}>", "", 1)
    missing = min_words - len(text.split())
    return " ".join([text, *(f"word{index}" for index in range(missing))]) if missing > 0 else text or gold


def repetition(words: Sequence[Hashable], ngram: int) -> float:
    """The share of a text's n-grams of words that repeat an earlier one, in [0, 1]; 0 for a text too short for two.

    Args:
        words: the words, or the ids of its tokens, in order.
        ngram: words in an n-gram.
    """
    grams = list(zip(*(words[start:] for start in range(ngram)), strict=False))
    return 1 - len(set(grams)) / len(grams) if len(grams) > 1 else 0.0


def _tag(text: str, tag: str) -> int | str:
    """Where a tag begins, or what is wrong with it."""
    opened, closed = text.count(f"<{tag}>"), text.count(f"</{tag}>")
    if not opened and not closed:
        return "missing"
    if opened > 1 or closed > 1:
        return "more than once"
    if not closed:
        return "not closed"
    start, end = text.find(f"<{tag}>"), text.find(f"</{tag}>")
    if not opened or end < start:
        return "closed before it opens"
    return start if text[start + len(tag) + 2 : end].strip() else "empty"


def _line(text: str, section: str) -> int | None:
    """Where the first line that begins with a section's text begins."""
    match = re.search(rf"^[ \t]*{re.escape(section)}", text, re.MULTILINE)
    return match.start() if match else None


def _in_order(places: Sequence[int | str | None]) -> bool:
    """Whether all places are there and rise."""
    found = [place for place in places if isinstance(place, int)]
    return len(found) == len(places) and found == sorted(found)


def _check(
    tags: Sequence[str],
    sections: Sequence[str],
    min_words: int,
    max_words: int | None,
    max_repetition: float | None,
    ngram: int,
) -> None:
    for name, value in (("tags", tags), ("sections", sections)):
        if isinstance(value, str) or not all(isinstance(item, str) and item.strip() for item in value):
            raise ValueError(f"{name} is a list of texts, not {value!r}")
    if not (tags or sections or min_words or max_words is not None or max_repetition is not None):
        raise ValueError("format has nothing to check: give tags, sections, min_words, max_words or max_repetition")
    if min_words < 0 or ngram < 1 or (max_words is not None and max_words < min_words):
        raise ValueError(f"no text has min_words={min_words}, max_words={max_words}, ngram={ngram}")
    if max_repetition is not None and not 0 <= max_repetition <= 1:
        raise ValueError(f"max_repetition is in [0, 1], not {max_repetition}")
