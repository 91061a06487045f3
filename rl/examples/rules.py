"""Selects the given examples to fit on (`algorithm.examples.keep`) and counts how many each rule drops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rewards.sample import Sample
from rl.config.examples import KeepRules
from rl.errors import UserError
from rl.examples.keep import equation_sequence
from verifiers.runtime.names import nearest


class Candidate(NamedTuple):
    """One example: its completion, or its chosen and its rejected completion; the rules look at the first."""

    place: str
    samples: tuple[Sample, ...]

    @property
    def first(self) -> Sample:
        """The completion to imitate, or the chosen one of a pair."""
        return self.samples[0]


class Kept(NamedTuple):
    """The examples kept, and how many each rule dropped, in the order of the rules."""

    candidates: list[Candidate]
    dropped: dict[str, int]


def rewards_named(rules: KeepRules, rewards: Iterable[str]) -> list[str]:
    """The rewards that some rule names; if there are any, the examples have to be scored.

    Args:
        rules: the rules.
        rewards: names of the run's rewards.
    """
    asked = {*rules.at_least, *rules.at_most, *([rules.best_by] if rules.best_by else [])}
    return [name for name in rewards if name in asked]


def keep(candidates: Sequence[Candidate], rules: KeepRules, rewards: Iterable[str] = ()) -> Kept:
    """The examples that pass all rules.

    A name in a rule refers to a reward of the run or, if there is none of that name, to a column. An example on which
    the named reward abstained, or whose column is empty, does not pass.

    Args:
        candidates: the examples, judged if a rule needs it.
        rules: the rules.
        rewards: names of the run's rewards.

    Raises:
        UserError: a name is neither a reward nor a column of every example, or a value is not a number.
    """
    names = set(rewards)
    left, dropped = list(candidates), {}

    def drop(why: str, passes: Callable[[Candidate], bool]) -> None:
        nonlocal left
        passed = [one for one in left if passes(one)]
        dropped[why] = len(left) - len(passed)
        left = passed

    if rules.right:
        drop("not right", lambda one: one.first.right is True)
    for name, least in rules.at_least.items():
        drop(f"{name} below {least:g}", lambda one, n=name, b=least: _number(one, n, names, "at_least", -1) >= b)
    for name, most in rules.at_most.items():
        drop(f"{name} above {most:g}", lambda one, n=name, b=most: _number(one, n, names, "at_most", 1) <= b)
    for name, wanted in rules.equal.items():
        allowed = wanted if isinstance(wanted, list) else [wanted]
        drop(f"{name} not {wanted}", lambda one, n=name, a=allowed: _value(one, n, "equal") in a)
    if rules.distinct:
        left, dropped["alike"] = _distinct(left)
    if rules.per_prompt is not None:
        by = rules.best_by
        rank = None if by is None else lambda one: -_number(one, by, names, "best_by", -1)
        left, dropped[f"beyond {rules.per_prompt} per prompt"] = _best(left, rules.per_prompt, rank)
    return Kept(left, dropped)


def _number(one: Candidate, name: str, rewards: set[str], rule: str, worst: int) -> float:
    """The value of a reward or a column; a missing value becomes infinitely bad, so that it never passes."""
    if name in rewards:
        value = one.first.rewards[name].value
    else:
        value = _value(one, name, rule)
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            try:
                value = float(value)
            except (TypeError, ValueError):
                key = f"algorithm.examples.keep.{rule}"
                raise UserError(key, f"{one.place}: column {name!r} holds {value!r}, which is not a number") from None
    return worst * float("inf") if value is None or value != value else value


def _value(one: Candidate, name: str, rule: str) -> Any:
    row: Mapping[str, Any] = one.first.row
    if name not in row:
        key = f"algorithm.examples.keep.{rule}"
        raise UserError(key, f"{one.place}: {name!r} is neither a reward of the run nor a column; {nearest(name, row)}")
    return row[name]


def _prompt_key(one: Candidate) -> str:
    return repr(one.first.prompt)


def _distinct(candidates: Sequence[Candidate]) -> tuple[list[Candidate], int]:
    """The first of those completions of a prompt that have the same equations, and how many were dropped."""
    first: dict[Any, Candidate] = {}
    for one in candidates:
        first.setdefault((_prompt_key(one), equation_sequence(one.first.text)), one)
    return list(first.values()), len(candidates) - len(first)


def _best(
    candidates: Sequence[Candidate], most: int, rank: Callable[[Candidate], float] | None
) -> tuple[list[Candidate], int]:
    """At most `most` examples per prompt, in their order, and how many were dropped; ties go to the earlier example."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(candidates):
        groups[_prompt_key(one)].append(place)
    chosen: list[int] = []
    for group in groups.values():
        ranked = group if rank is None else [i for _, i in sorted((rank(candidates[i]), i) for i in group)]
        chosen += ranked[:most]
    return [candidates[place] for place in sorted(chosen)], len(candidates) - len(chosen)
