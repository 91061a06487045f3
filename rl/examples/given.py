"""Prepares given examples for a fit: reads them, tokenizes them, judges them, selects by rules, weights by source.

They become `Sample`s, or pairs of them, just as a policy's own completions do, so a fit treats both alike.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rewards.mixing.mix import Mix
from rewards.models.prompts import prompt_ids
from rewards.models.room import positions
from rewards.sample import Sample
from rl.config import Config
from rl.config.algorithms import Rounds
from rl.config.examples import Examples
from rl.errors import UserError
from rl.examples.fade import with_share
from rl.examples.pairs import Pair
from rl.examples.reading import GivenRow, rows_of
from rl.examples.rules import Candidate, keep, rewards_named
from rl.policy.load import Policy
from rl.sampling.judge import judge
from rl.tasks.layout import BadRow
from rl.tasks.task import Task


@dataclass(frozen=True)
class Given:
    """Examples to fit on, the same in each round.

    Attributes:
        examples: samples to imitate, or pairs.
        lines: lines for the console that say what was read, kept and left out.
    """

    examples: list[Sample | Pair]
    lines: list[str]


def load(config: Config, task: Task, policy: Policy, mix: Mix | None) -> Given | None:
    """The given examples of a run; None where its config names none.

    Args:
        config: a checked config.
        task: its task, loaded.
        policy: the policy whose tokenizer encodes the examples.
        mix: the run's rewards, for rules that name one; None if the run has none.

    Raises:
        UserError: a source does not exist, a row cannot be used or is longer than the model's context, or the rules
            leave no example.
    """
    found = rows_of(config, task)
    if found is None:
        return None
    algorithm = config.algorithm
    assert isinstance(algorithm, Rounds) and algorithm.examples is not None
    settings, tokens = algorithm.examples, _Tokens(config, policy)
    skipped = list(found.skipped)
    candidates: list[Candidate] = []
    for row in (row for rows in found.rows.values() for row in rows):
        try:
            candidates.append(Candidate(row.place, tokens.samples(row)))
            if settings.fade is not None:  # the prompt as it is longest
                whole = with_share(candidates[-1].first, settings.fade.template, 1.0, random.Random(0))
                tokens.samples(replace(row, row=whole.row))
        except BadRow as bad:
            if settings.on_bad_row == "fail":
                raise UserError(row.place, str(bad)) from None
            skipped.append(f"{row.place}: {bad}")
    if not candidates:
        raise UserError("algorithm.examples", f"no example can be used; the first: {skipped[0]}")
    names = list(config.rewards)
    scoring = mix if algorithm.pools_examples or rewards_named(settings.keep, names) else None
    candidates = _judged(candidates, settings, task, scoring, algorithm)
    kept = keep(candidates, settings.keep, names)
    if not kept.candidates:
        left_out = ", ".join(f"{count:,} {why}" for why, count in kept.dropped.items() if count)
        raise UserError("algorithm.examples.keep", f"the rules keep none of {len(candidates):,} examples: {left_out}")
    choose = _mixed if settings.mixed else _weighted
    weighted = choose(kept.candidates, settings, config.seed)
    examples = [one.first if len(one.samples) == 1 else Pair(one.samples[0], one.samples[1]) for one in weighted]
    return Given(
        examples,
        _lines(candidates, kept.candidates, kept.dropped, weighted, skipped),
    )


class _Tokens:
    """Encodes examples as the tokens that the policy would have sampled.

    Args:
        config: the config, which sets how prompts are laid out and where completions stop.
        policy: the policy, whose tokenizer and context length are used.
    """

    def __init__(self, config: Config, policy: Policy) -> None:
        self.tokenizer: Any = policy.tokenizer  # transformers types a special token's id as any of six types
        self.template_kwargs = config.sampling.chat_template_kwargs
        self.stop = tuple(config.sampling.stop)
        self.limit = positions(policy.model)

    def samples(self, row: GivenRow) -> tuple[Sample, ...]:
        """An example's completions as samples.

        Raises:
            BadRow: one is longer than the model's context, or the tokenizer has no token for a part of it.
        """
        before = len(prompt_ids(row.row["prompt"], self.tokenizer, self.template_kwargs))
        return tuple(self._sample(row, text, before) for text in row.texts)

    def _sample(self, row: GivenRow, text: str, before: int) -> Sample:
        ids, unknown = self.completion_ids(text), self.tokenizer.unk_token_id
        if self.limit is not None and before + len(ids) > self.limit:
            raise BadRow(
                f"prompt and completion have {before + len(ids):,} tokens, and the model's context holds {self.limit:,}"
            )
        if unknown is not None and unknown in ids and self.tokenizer.unk_token not in text:
            raise BadRow(f"the policy's tokenizer has no token for a part of {text[:60]!r}")
        return Sample(row=row.row, text=text, ids=ids, finish_reason="stop", index=row.index)

    def completion_ids(self, text: str) -> list[int]:
        """The tokens of a completion, with an end token unless it ends with a stop string, as a sampled one would."""
        end = self.tokenizer.eos_token
        ids = list(self.tokenizer(text.removesuffix(end) if end else text, add_special_tokens=False)["input_ids"])
        stopped = bool(self.stop) and text.endswith(self.stop)
        return ids if stopped or self.tokenizer.eos_token_id is None else [*ids, self.tokenizer.eos_token_id]


def _judged(
    candidates: list[Candidate], settings: Examples, task: Task, mix: Mix | None, algorithm: Rounds
) -> list[Candidate]:
    """The examples with their verdicts, and with their rewards if a rule names one.

    An example without a gold, or without a column that the verifier needs, gets no verdict; that is an error if a rule
    needs one.
    """
    needed = ["gold", *(column for column in task.verifier.columns if column != "prompt")]
    needed += [] if mix is None else [name for reward in mix.rewards for name in reward.columns if name not in needed]
    lacking = next(((one, name) for one in candidates for name in needed if one.first.row.get(name) is None), None)
    asks = settings.keep.right or mix is not None or getattr(algorithm, "wrong_step_weight", 1.0) < 1.0
    if lacking is not None:
        if not asks:
            return candidates
        one, name = lacking
        rule = "the pool" if algorithm.pools_examples else "a rule"
        what = "keep.right" if settings.keep.right else rule if mix is not None else "wrong_step_weight"
        raise UserError(one.place, f"no column {name!r}, which is needed to judge the examples for {what}")
    columns = sorted({name for one in candidates for name in one.first.row})
    samples = [sample for one in candidates for sample in one.samples]
    # rewards are given whole columns, so a column that some rows lack is None there
    filled = [replace(sample, row={**dict.fromkeys(columns), **sample.row}) for sample in samples]
    judged = iter(judge(filled, task.verifier, mix))
    return [one._replace(samples=tuple(next(judged) for _ in one.samples)) for one in candidates]


def _weighted(candidates: Sequence[Candidate], settings: Examples, seed: int) -> list[Candidate]:
    """Repeat each source's examples as its weight says: 2.5 takes all of them twice, and a random half once more."""
    found: list[Candidate] = []
    for name, source in settings.data.items():
        own = [one for one in candidates if one.first.row["source"] == name]
        whole = int(source.weight)
        rest = round((source.weight - whole) * len(own))
        found += own * whole + random.Random(f"examples {seed} {name}").sample(own, rest)
    return found


def _mixed(candidates: Sequence[Candidate], settings: Examples, seed: int) -> list[Candidate]:
    """A random part of each source, so that each has its share of the mix's rows or tokens; no example is repeated.

    Raises:
        UserError: a source holds less than its share of the total.
    """

    def size(one: Candidate) -> int:
        return 1 if settings.by == "rows" else sum(len(sample.ids) for sample in one.samples)

    own = {name: [one for one in candidates if one.first.row["source"] == name] for name in settings.data}
    there = {name: sum(map(size, some)) for name, some in own.items()}
    shares = {name: source.share or 0.0 for name, source in settings.data.items()}
    total = settings.total or int(min(there[name] / shares[name] for name in own))
    found: list[Candidate] = []
    for name, some in own.items():
        wanted, taken = round(shares[name] * total), 0
        if wanted > there[name]:
            what = f"{name} has {there[name]:,} {settings.by}, but {shares[name]:g} of {total:,} are {wanted:,}"
            raise UserError("algorithm.examples.total", f"{what}; lower the total or the share")
        for one in random.Random(f"examples {seed} {name}").sample(some, len(some)):
            if taken >= wanted:
                break
            found.append(one)
            taken += size(one)
    return found


def _lines(
    candidates: Sequence[Candidate],
    kept: Sequence[Candidate],
    dropped: dict[str, int],
    weighted: Sequence[Candidate],
    skipped: Sequence[str],
) -> list[str]:
    """Lines for the console that say what was read, kept and left out."""
    judged = [one.first.right for one in candidates if one.first.right is not None]
    right = f", {sum(judged) / len(judged):.1%} of {len(judged):,} judged right" if judged else ""
    out = "".join(f" · {count:,} left out: {why}" for why, count in dropped.items() if count)
    lines = [f"examples: {len(kept):,} of {len(candidates):,} kept{right}{out}"]
    if len({one.first.row["source"] for one in kept}) > 1 or len(weighted) != len(kept):
        sources = Counter(one.first.row["source"] for one in weighted)
        tokens: Counter[str] = Counter()
        for one in weighted:
            tokens[str(one.first.row["source"])] += sum(len(sample.ids) for sample in one.samples)
        counts = (f"{name} {count:,} with {tokens[name]:,} tokens" for name, count in sources.items())
        lines.append("examples by source: " + " · ".join(counts))
    if skipped:
        lines.append(f"skipped {len(skipped):,} examples; the first: {skipped[0]}")
    return lines
