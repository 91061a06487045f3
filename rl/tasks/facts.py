"""The embedded task `facts`: multiple choice over an invented world whose facts are in the policy's weights.

`Which weighs more, (A) quell or (B) koba?` → ` quell weighs 5. koba weighs 3. Answer: (A)`

The warm start puts the world into the weights as bare statements. A question compares two things, or asks which of
three has a value. Answering at once is right about as often as chance; stating the facts and then reading the answer
off them is easy. The demonstrator mostly does the wrong thing: it guesses at once, or rambles about things that do not
matter. So there is something for reinforcement to bring out, and a ground truth for rewards of rationales.

`verifiers/facts.py` decides what a statement is, and whether it is true, relevant or repeated.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

from rl.tasks.task import Task, drawn_from_train, fill_splits
from verifiers.facts import ATTRIBUTES, MARK, NUMBERS, THINGS, WORLD, settled
from verifiers.runtime.verifier import Verifier

Row = dict[str, Any]
LABELS = "ABC"
ASKED = {"weighs": "more", "measures": "more", "is": "red", "eats": "figs"}
"""Attribute → what a question asks about it. There is one question per attribute, because so small a policy takes far
longer to learn to compare arbitrary values."""
VOCABULARY = (
    "Which", " more", ",", " or", "?", ".", MARK,
    *(f" ({label})" for label in LABELS),
    *(f" {attribute}" for attribute in ATTRIBUTES),
    *(f" {value}" for value in dict.fromkeys(value for values in ATTRIBUTES.values() for value in values)),
    *(f" {thing}" for thing in THINGS),
)  # fmt: skip


def build(
    sizes: dict,
    seed: int,
    *,
    bare: float = 0.15,
    reading: float = 0.4,
    at_once: float = 0.4,
    careful: float = 0.35,
    slip: float = 0.05,
) -> Task:
    """The task with its three splits.

    A row has `prompt`, `gold` (the label), `question` (the prompt without its choices), `choices`, `attribute`, `asked`
    (`more` or a value), and `rationale`, the facts about its choices.

    Args:
        sizes: number of rows of each split.
        seed: random seed of the questions and their order.
        bare: share of demonstrations that are statements without a question.
        reading: share of demonstrations that read an answer off facts in the prompt, which are made up.
        at_once: share of answers that the demonstrator guesses at once.
        careful: share of answers before which it states the facts about every choice; before the rest it rambles.
        slip: probability that a statement it makes about a question is false.

    Raises:
        UserError: there are fewer different questions.
    """

    def draws() -> Iterator[Row]:
        rng = random.Random(f"facts {seed}")
        while True:
            yield problem(rng)

    def demonstrate(rng: random.Random) -> tuple[str, str]:
        kind = rng.random()
        if kind < bare:
            return "", "".join(state(rng.choice(THINGS), rng.choice(tuple(ATTRIBUTES))) for _ in range(4))
        row = drawn_from_train(lambda: problem(rng), itemgetter("prompt"))
        if kind < bare + reading:
            return read(row, rng)
        return row["prompt"], solve(row, rng, at_once=at_once, careful=careful, slip=slip)

    def demonstrate_on(
        row: Mapping[str, Any], rng: random.Random, *,
        at_once: float = at_once, careful: float = careful, slip: float = slip,
    ) -> str:  # fmt: skip
        return solve(dict(row), rng, at_once=at_once, careful=careful, slip=slip)

    return Task(
        name="facts",
        splits=fill_splits(draws(), sizes, "task.sizes"),
        verifier=Verifier("facts"),
        vocabulary=VOCABULARY,
        demonstrate=demonstrate,
        demonstrate_on=demonstrate_on,
        solve=lambda row: f"{row['rationale']} {MARK.strip()} ({row['gold']})",
    )


def problem(rng: random.Random) -> Row:
    """A question with one right answer: it compares two things, or asks which of three has a value."""
    attribute = rng.choice(tuple(ATTRIBUTES))
    world, asked = WORLD[attribute], ASKED[attribute]
    if ATTRIBUTES[attribute] == NUMBERS:
        while True:
            things = rng.sample(THINGS, 2)
            if world[things[0]] != world[things[1]]:
                break
    else:
        having = [thing for thing in THINGS if world[thing] == asked]
        others = [thing for thing in THINGS if world[thing] != asked]
        things = [rng.choice(having), *rng.sample(others, 2)]
    question = f"Which {attribute} {asked}"
    # the question determines the order of its choices; otherwise train and test could share a question in two orders
    things.sort()
    random.Random(f"{question} {things}").shuffle(things)
    choices = [{"label": label, "text": thing} for label, thing in zip(LABELS, things, strict=False)]
    shown = [f"({choice['label']}) {choice['text']}" for choice in choices]
    gold = settled({thing: world[thing] for thing in things}, choices=choices, asked=asked)
    assert gold is not None
    row = {
        "prompt": f"{question}, {', '.join(shown[:-1])} or {shown[-1]}?",
        "gold": gold,
        "question": f"{question}?",
        "choices": choices,
        "attribute": attribute,
        "asked": asked,
    }
    return row | {"rationale": "".join(state(thing, attribute) for thing in things)}


def state(thing: str, attribute: str, value: str | None = None) -> str:
    """The statement of a fact, with the space before it.

    Args:
        thing: the thing that it is about.
        attribute: the attribute of the thing that it states.
        value: the value that it states; None for the true one.
    """
    return f" {thing} {attribute} {value or WORLD[attribute][thing]}."


def solve(row: Row, rng: random.Random, *, at_once: float, careful: float, slip: float) -> str:
    """The demonstrator's answer to a question: statements, which are often irrelevant, and a label.

    The answer follows from its statements, true or not; if they leave the question open, it guesses.

    Args:
        row: the question.
        rng: random generator of its habits.
        at_once: probability that it states nothing.
        careful: probability that it states the fact about each choice.
        slip: probability that a statement is false.
    """
    mood = rng.random()
    if mood < at_once:
        told = []
    elif mood < at_once + careful:
        told = [(choice["text"], row["attribute"]) for choice in row["choices"]]
    else:
        told = [_beside(row, rng) for _ in range(rng.randint(1, 3))]
        if rng.random() < 0.2:
            told.append(rng.choice(told))
    text, values = "", {}
    for thing, attribute in told:
        value = WORLD[attribute][thing]
        if rng.random() < slip:
            value = rng.choice([other for other in ATTRIBUTES[attribute] if other != value])
        text += state(thing, attribute, value)
        if attribute == row["attribute"]:
            values[thing] = value
    labels = [choice["label"] for choice in row["choices"]]
    answer = settled(values, choices=row["choices"], asked=row["asked"]) or rng.choice(labels)
    return f"{text}{MARK} ({answer})"


def read(row: Row, rng: random.Random) -> tuple[str, str]:
    """An exercise in reading an answer off statements: the question, preceded by made-up facts that settle it.

    The made-up values are in the prompt, so the policy does not learn them as facts. But knowledge of the world does
    not give the answer, so the policy learns to use stated facts.

    Args:
        row: the question.
        rng: random generator of the made-up values.

    Returns:
        The prompt with the made-up facts, and the answer.
    """
    attribute, asked = row["attribute"], row["asked"]
    things = [choice["text"] for choice in row["choices"]]
    if asked == "more":
        values = rng.sample(NUMBERS, len(things))
    else:
        others = [value for value in ATTRIBUTES[attribute] if value != asked]
        values = [rng.choice(others) for _ in things]
        values[rng.randrange(len(things))] = asked
    world = dict(zip(things, values, strict=True))
    answer = settled(world, choices=row["choices"], asked=asked)
    told = "".join(state(thing, attribute, world[thing]) for thing in things)
    return row["prompt"] + told, f"{MARK} ({answer})"


def _beside(row: Row, rng: random.Random) -> tuple[str, str]:
    """A thing and an attribute that are irrelevant: another attribute of a choice, or another thing."""
    things = [choice["text"] for choice in row["choices"]]
    if rng.random() < 0.5:
        return rng.choice(things), rng.choice([a for a in ATTRIBUTES if a != row["attribute"]])
    return rng.choice([thing for thing in THINGS if thing not in things]), row["attribute"]
