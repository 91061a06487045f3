r"""The embedded task `stories`: word problems whose solutions have marked equations, as those of GSM8K have.

`Ann has 12 figs. Ben has 7 figs. Ann finds 9. Ben eats 2. Ann triples theirs. How many figs has Ann?` →
`Ann finds 9, so Ann has 12+9=<<12+9=21>>21 figs.` and so on, to `#### 63`.

A solution states what the prompt asks for in words, and `algorithm.examples.form` makes the other forms of it
(`rl/tasks/forms.py`): equations, a program, a system of equations, a guide without results. Every result of a problem
differs from the numbers of its story and from the other results, so these forms can tell which numbers are results.

The demonstrator leaves out each later event with probability 0.6 and gets one result in ten wrong. The warm start shows
the policy each of several forms equally often, so it knows them all and reasons badly in all of them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rl.tasks.forms import in_form
from rl.tasks.task import Task, drawn_from_train, fill_splits
from verifiers.arithmetic.programs import question_numbers
from verifiers.runtime.verifier import Verifier

NAMES = ("Ann", "Ben", "Cleo", "Dan")
THINGS = ("figs", "cards", "coins", "shells")
VERBS = {"finds": "+", "buys": "+", "loses": "-", "sells": "-", "doubles": "*", "triples": "*"}
"""What somebody does → the operation on the number of their things."""
FACTORS = {"doubles": 2, "triples": 3}
STARTS = (10, 19)
AMOUNTS = (2, 9)
RESULTS = range(10, 40)
"""The results that a problem may have; they are larger than every amount and factor."""
DEMONSTRATED = ("words", "equations", "program", "system")
VOCABULARY = (
    *(str(number) for number in range(RESULTS.stop + 4)), *"+-*=()vx#.,?", "\n", " ", ". ", ", so ",
    " = ", "#### ", "print", "answer", "(result ", "<<", ">>", *NAMES, *(f" {thing}" for thing in THINGS), " has ",
    "How many", *(f" {verb} theirs" if verb in FACTORS else f" {verb} " for verb in VERBS),
)  # fmt: skip
"""A number is one token, which leaves more of so small a policy for reading stories."""

_EVENT = re.compile(r"(\w+) (finds|buys|loses|sells|doubles|triples) (\d+|theirs)\.")
_START = re.compile(r"(\w+) has (\d+) (\w+)\.")
_ASKED = re.compile(r"has (\w+)\?$")


class Event(NamedTuple):
    """Something that changes how many things somebody has.

    Attributes:
        said: the event in words, without its full stop, such as `Ann finds 9`.
        operator: `+`, `-` or `*`.
        operand: the number that is added, taken away or multiplied by.
    """

    said: str
    operator: str
    operand: int

    def after(self, value: int) -> int:
        """The number of things after the event.

        Args:
            value: the number before it.
        """
        return {"+": value + self.operand, "-": value - self.operand, "*": value * self.operand}[self.operator]


def build(
    events: tuple[int, int], sizes: dict, seed: int, *, verifier: str = "numeric",
    demonstrated: Sequence[str] = DEMONSTRATED, guided: float = 0.0, skip: float = 0.6, slip: float = 0.1,
) -> Task:  # fmt: skip
    """The task with its three splits.

    Args:
        events: smallest and largest number of events of the person that a problem asks about.
        sizes: number of rows of each split.
        seed: random seed of the problems and their order.
        verifier: name of the verifier that judges completions, which depends on the form in which they answer.
        demonstrated: forms that the warm start's demonstrations have.
        guided: share of the warm start's demonstrations whose prompt shows a guide (`with_guide`).
        skip: probability that the demonstrator leaves out an event after the first.
        slip: probability that it gets a result wrong.

    Raises:
        UserError: there are fewer different problems of this kind.
    """

    def draws() -> Iterator[dict[str, str]]:
        rng = random.Random(f"stories {seed}")
        while True:
            prompt = problem(rng, *events)
            yield {"prompt": prompt, "gold": solve(prompt).rpartition("#### ")[2]}

    def demonstrate(rng: random.Random) -> tuple[str, str]:
        prompt = drawn_from_train(lambda: problem(rng, *events))
        if rng.random() < guided:
            return with_guide(prompt)
        return prompt, in_form(rng.choice(demonstrated), solve(prompt, skip=skip, slip=slip, rng=rng), prompt)

    def demonstrate_on(
        row: Mapping[str, Any], rng: random.Random, *, skip: float = skip, slip: float = slip
    ) -> str:  # fmt: skip
        return solve(row["prompt"], skip=skip, slip=slip, rng=rng)

    return Task(
        name="stories",
        splits=fill_splits(draws(), sizes, "task.sizes"),
        verifier=Verifier(verifier),
        vocabulary=VOCABULARY,
        demonstrate=demonstrate,
        solve=lambda row: solve(row["prompt"]),
        demonstrate_on=demonstrate_on,
    )


def problem(rng: random.Random, low: int, high: int) -> str:
    """A story about two people and a question about one of them.

    Args:
        rng: the random generator.
        low: smallest number of events of the person that the question is about.
        high: largest number of them.
    """
    while True:
        asked, other = rng.sample(NAMES, 2)
        thing = rng.choice(THINGS)
        starts = [f"{name} has {rng.randint(*STARTS)} {thing}." for name in (asked, other)]
        said = []
        for _ in range(rng.randint(low, high)):
            if rng.random() < 0.3:
                said.append(_event(rng, other))
            said.append(_event(rng, asked))
        rng.shuffle(starts)
        prompt = " ".join([*starts, *said, f"How many {thing} has {asked}?"])
        results = list(_results(prompt))
        told_apart = len({*results}) == len(results) and not {*results} & {*question_numbers(prompt)}
        if told_apart and all(result in RESULTS for result in results):
            return prompt


def events_of(prompt: str) -> tuple[int, list[Event]]:
    """What a story says of the person that it asks about: the number at the start, and the events in order.

    Args:
        prompt: the problem.
    """
    asked = _ASKED.search(prompt)
    assert asked is not None, f"{prompt!r} asks about nobody"
    start = next(int(number) for name, number, _ in _START.findall(prompt) if name == asked[1])
    events = [
        Event(f"{name} {verb} {number}", VERBS[verb], FACTORS[verb] if verb in FACTORS else int(number))
        for name, verb, number in _EVENT.findall(prompt)
        if name == asked[1]
    ]
    return start, events


def solve(prompt: str, *, skip: float = 0.0, slip: float = 0.0, rng: random.Random | None = None) -> str:
    """The solution of a problem with marked equations; with `skip` and `slip`, the demonstrator's.

    Args:
        prompt: the problem.
        skip: probability that an event after the first is left out.
        slip: probability that a result is wrong, by up to three.
        rng: random generator of the demonstrator's habits; needed if any of the probabilities is set.
    """
    rng = rng or random.Random(0)
    value, events = events_of(prompt)
    name, thing, lines = events[0].said.split()[0], _START.findall(prompt)[0][2], []
    for event in events:
        if lines and rng.random() < skip:
            continue
        result = event.after(value)
        if rng.random() < slip:
            result = max(0, result + rng.choice((-3, -2, -1, 1, 2, 3)))
        left = f"{value}{event.operator}{event.operand}"
        lines.append(f"{event.said}, so {name} has {left}=<<{left}={result}>>{result} {thing}.")
        value = result
    return "\n".join([*lines, f"#### {value}"])


def with_guide(prompt: str) -> tuple[str, str]:
    """A problem with a guide to its solution, and the answer of somebody who follows the guide.

    Args:
        prompt: the problem.
    """
    whole = solve(prompt)
    return f"{prompt}\n{in_form('guide', whole, prompt)}\n", in_form("equations", whole, prompt).replace("\n", " ")


def _event(rng: random.Random, name: str) -> str:
    verb = rng.choice(tuple(VERBS))
    return f"{name} {verb} {'theirs' if verb in FACTORS else rng.randint(*AMOUNTS)}."


def _results(prompt: str) -> Iterator[int]:
    value, events = events_of(prompt)
    for event in events:
        value = event.after(value)
        yield value
