"""The embedded task `facts`: multiple choice over a small invented world, with the relevant facts stated first.

`Which weighs more, (A) quell or (B) koba?` → ` quell weighs 5. koba weighs 3. Answer: (A)`

The world is fixed: forty things, two attributes with a number and two with a word. So every statement of a rationale
can be checked exactly for three separate properties:

- *true*: it agrees with the world. Only this determines a statement's step score.
- *relevant*: it is about one of the choices and about the attribute in question.
- *repeated*: the completion has made the same statement before.

A statement that is true but irrelevant is therefore not a wrong step but a useless one; `statements` gives the three
flags to rewards that distinguish them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from verifiers.answer.completion import spoken
from verifiers.verdict import Step, Verdict, judged

JUDGES_STEPS = True
ONE_FORM = True

THINGS = (
    "blicket", "bosk", "cheem", "crundle", "dax", "drome", "fendle", "fimp", "frolic", "gazzer",
    "glorp", "hask", "jand", "jippet", "kleeb", "koba", "lorp", "manu", "mipen", "modi",
    "nib", "noop", "pabble", "pilk", "plim", "quell", "rugger", "sibu", "slithy", "snark",
    "stroop", "tanzer", "toma", "tove", "tulver", "vash", "wampet", "wug", "yemp", "zav",
)  # fmt: skip
NUMBERS = tuple("12345")
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "weighs": NUMBERS,
    "measures": NUMBERS,
    "is": ("red", "blue", "green", "white", "black"),
    "eats": ("figs", "nuts", "moss", "fish", "seeds"),
}
"""Attribute, named by its verb → its possible values; attributes with numbers can be compared."""


class Statement(NamedTuple):
    """One part of a rationale, with its properties.

    Attributes:
        start: index of its first character in the completion.
        end: index after its last character, the full stop.
        thing: the thing it is about; None if the part is not a statement.
        attribute: the attribute it states.
        value: the value it states.
        true: whether it agrees with the world; False if the part is not a statement.
        relevant: whether it is about a choice and the attribute in question.
        repeated: whether the same statement came before.
    """

    start: int
    end: int
    thing: str | None
    attribute: str | None
    value: str | None
    true: bool
    relevant: bool
    repeated: bool


def _dealt(attribute: str) -> dict[str, str]:
    """Each thing's value: values are assigned in turn to the things in a hashed order, so all are equally common."""
    order = sorted(THINGS, key=lambda thing: hashlib.blake2b(f"{attribute} of {thing}".encode()).digest())
    values = ATTRIBUTES[attribute]
    return {thing: values[place % len(values)] for place, thing in enumerate(order)}


WORLD: dict[str, dict[str, str]] = {attribute: _dealt(attribute) for attribute in ATTRIBUTES}
"""Attribute → thing → value."""

MARK = " Answer:"
_STATEMENT = re.compile(r"\s*(\w+) (\w+) (\w+)\.")
_PART = re.compile(r"[^.]*\.|[^.]+$")
_ANSWER = re.compile(r"\s*\(?(\w+)\)?\.?\s*")


def verify(prediction: str, gold: str, *, choices: Sequence[Mapping[str, str]], attribute: str, asked: str) -> Verdict:
    """Judge a rationale with its answer: the score is 1 if the choice after the last `Answer:` is the gold one.

    Args:
        prediction: the completion: statements, and then ` Answer: (B)`. A choice is named by its label or its text;
            without `Answer:`, a completion of one word is an answer.
        gold: the right label.
        choices: the things to choose from, `[{label, text}]`.
        attribute: the attribute in question, a key of `ATTRIBUTES`.
        asked: `more`, or the value in question.

    Returns:
        A judged verdict with a step for each statement. The score of a step is 1 if the statement is true; the reason
        says whether it is true, irrelevant or repeated. If the facts that settle the question were not stated, the
        answer is an additional, wrong step. `extracted` is the label of the chosen choice, or the word that names no
        choice.
    """
    prediction = prediction[: spoken(prediction)[1]]  # thinking that never ends has no answer
    working, mark, answer = _parts(prediction)
    match = _ANSWER.fullmatch(answer)
    labels = {choice["text"]: choice["label"] for choice in choices}
    label = labels.get(match[1], match[1]) if match else None
    stated = statements(working, choices=choices, attribute=attribute)
    steps = [Step(s.start, s.end, "judged", float(s.true), _reason(s)) for s in stated]
    values = {s.thing: s.value for s in stated if s.relevant and s.thing and s.value}
    if settled(values, choices=choices, asked=asked) is None:
        steps.append(Step(len(working), len(prediction), "judged", 0.0, "the facts that settle it were not stated"))
    right = label == gold
    reason = "right" if right else "wrong answer" if label else "no single word after the mark" if mark else "no answer"
    return judged(right, reason, extracted=label, steps=tuple(steps))


def gold_prediction(gold: str, *, choices: Sequence[Mapping[str, str]], attribute: str) -> str:
    """A completion that states the fact about each choice, and the answer.

    Args:
        gold: the label of the right choice.
        choices: the things to choose from, `[{label, text}]`.
        attribute: the attribute in question.
    """
    facts = [f"{choice['text']} {attribute} {WORLD[attribute][choice['text']]}." for choice in choices]
    return f" {' '.join(facts)}{MARK} ({gold})"


def statements(prediction: str, *, choices: Iterable[Mapping[str, str]], attribute: str) -> list[Statement]:
    """The statements of a completion in order, up to its answer, each with its flags.

    Args:
        prediction: the completion.
        choices: the things to choose from, `[{label, text}]`.
        attribute: the attribute asked for.
    """
    working, _, _ = _parts(prediction)
    things = {choice["text"] for choice in choices}
    found: list[Statement] = []
    seen: set[tuple[str, str, str]] = set()
    for part in _PART.finditer(working):
        text = part[0]
        if not text.strip():
            continue
        start = part.start() + len(text) - len(text.lstrip())
        match = _STATEMENT.fullmatch(text)
        if match is None:
            found.append(Statement(start, part.end(), None, None, None, False, False, False))
            continue
        said = (match[1], match[2], match[3])
        thing, of, value = said
        true = WORLD.get(of, {}).get(thing) == value
        found.append(
            Statement(start, part.end(), thing, of, value, true, thing in things and of == attribute, said in seen)
        )
        seen.add(said)
    return found


def settled(values: Mapping[str, str], *, choices: Sequence[Mapping[str, str]], asked: str) -> str | None:
    """The label that the stated facts lead to, or None if they leave the question open.

    Args:
        values: thing → its stated value of the attribute in question, true or not.
        choices: the things to choose from, `[{label, text}]`.
        asked: `more`, or a value.
    """
    known = {choice["label"]: values[choice["text"]] for choice in choices if choice["text"] in values}
    if asked == "more":
        numbers = {label: int(value) for label, value in known.items() if value in NUMBERS}
        if len(numbers) < len(choices) or len(set(numbers.values())) == 1:
            return None
        return max(numbers, key=numbers.__getitem__)
    having = [label for label, value in known.items() if value == asked]
    if having:
        return having[0] if len(having) == 1 else None
    open_ = [choice["label"] for choice in choices if choice["label"] not in known]
    return open_[0] if len(open_) == 1 else None


def _parts(prediction: str) -> tuple[str, str, str]:
    """The text before the last mark, the mark, and the answer; a single word is only an answer."""
    if MARK in prediction:
        return prediction.rpartition(MARK)
    if _ANSWER.fullmatch(prediction):
        return "", "", prediction
    return prediction, "", ""


def _reason(statement: Statement) -> str:
    if statement.thing is None or statement.attribute is None:
        return "not a statement"
    reason = "true"
    if not statement.true:
        value = WORLD.get(statement.attribute, {}).get(statement.thing)
        reason = f"false: it is {value}" if value else "false: there is no such thing or attribute"
    irrelevant = "" if statement.relevant else ", irrelevant"
    return reason + irrelevant + (", repeated" if statement.repeated else "")
