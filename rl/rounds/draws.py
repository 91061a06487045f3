"""Samples a round: draws and judges completions of its prompts, with the prompts divided among the processes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.distributed as dist
from transformers import TrainerState

from rewards.models.generate import Engine
from rewards.models.prompts import prompt_ids, unknown_tokens
from rewards.models.types import Model
from rewards.models.vocabulary import check_same_vocabulary
from rewards.parts.shown import shown
from rewards.reward import Text
from rewards.sample import Sample
from rl.config import Config
from rl.config.algorithms import Rounds
from rl.config.choosing import Hints, Strategies
from rl.context import RunContext
from rl.errors import UserError
from rl.examples.hints import after_examples, failed_rows, leaks, with_hint
from rl.examples.sift import lacking
from rl.policy.control import Conditioned
from rl.policy.load import Policy, load
from rl.progress import completions_bar
from rl.rounds.choose import Sieve
from rl.sampling.draw import as_samples, parameters_of, sample
from rl.sampling.judge import judge
from rl.sampling.mismatch import COMPARED, mismatch
from rl.tasks.task import Task
from verifiers.runtime.golds import first_gold


class Draws:
    """Samples rounds. The samples depend only on the seed and the number of the round.

    Args:
        run: the context of a run in rounds.

    Attributes:
        seconds: phase of the last round's sampling → its duration.
        mismatch: how far the log-probabilities of the engine are from the policy's, in the last round; empty for
            transformers, and where tokens are not drawn from the model's own distribution.

    Raises:
        UserError: the policy's tokenizer has no tokens for the hint template, a strategy's or the few-shot examples,
            or a strategy's template shows a column that rows lack.
    """

    def __init__(self, run: RunContext) -> None:
        self.run = run
        assert isinstance(run.config.algorithm, Rounds)
        self.algorithm = run.config.algorithm
        self.rows = run.task.splits["train"]
        self.seconds: Counter[str] = Counter()
        self.mismatch: dict[str, float] = {}
        self.conditioned: Conditioned | None = None
        self.trainer_state = TrainerState()
        self._compared: Model | None = None
        self.hints: Hints | None = getattr(self.algorithm, "hints", None)
        self.branched: bool = getattr(self.algorithm, "branched", False)
        self.strategies: Strategies | None = getattr(self.algorithm, "strategies", None)
        self.few_shot, self.sieve = self.algorithm.few_shot, Sieve(run)
        row = self.rows[0]
        if self.hints is not None:
            template = self.hints.template
            hinted = with_hint(row["prompt"], first_gold(row["gold"]), template)
            self._check_tokens("hints.template", template, hinted, "{prompt}{gold}? for ")
        for name, template in ({} if self.strategies is None else self.strategies.templates).items():
            key = f"strategies.templates.{name}"
            self._check_tokens(key, template, self._under(template, row, key), "{prompt}# for ")
        if self.few_shot is not None:
            text = self.few_shot.text
            self._check_tokens("few_shot.text", text, after_examples(row["prompt"], text), "")

    def _check_tokens(self, key: str, text: str, whole: Text, such_as: str) -> None:
        """Refuse a text with characters for which the policy has no token, such as spaces on `chain`."""
        tokenizer, prompt = self.run.tokenizer, self.rows[0]["prompt"]
        before, after = (
            prompt_ids(one, tokenizer, self.run.config.sampling.chat_template_kwargs) for one in (prompt, whole)
        )
        if unknown_tokens(after, tokenizer) > unknown_tokens(before, tokenizer):
            raise UserError(
                f"algorithm.{key}",
                f"the policy's tokenizer has no token for some of its characters: {text!r}; use those of its prompts, "
                f"such as {such_as}{prompt!r}",
            )

    def draw(
        self,
        number: int,
        policy: Model,
        conditioned: Conditioned | None = None,
        earlier: Sequence[Sample] = (),
        step: int = 0,
    ) -> list[Sample]:
        """The judged samples of a round, the same on every process.

        Args:
            number: number of the round, from 0.
            policy: the policy; if the run has an engine, it takes the policy's weights and draws.
            conditioned: the control tokens of the prompts.
            earlier: samples of earlier rounds, which count towards a quota.
            step: optimizer steps so far, for weights of rewards that change with them.
        """
        self.conditioned = conditioned
        self.trainer_state = TrainerState(global_step=step, max_steps=self._steps_of_all_fits)
        config, rows, engine = self.run.config, self.rows, self.run.engine
        self.seconds.clear()
        self.mismatch, self._compared = {}, policy if engine is not None else None
        if engine is not None:
            engine.update(policy)
        model = engine or policy
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(config.seed)).tolist()
        wanted = min(self.algorithm.prompts, len(rows))
        # each round continues through the shuffled split where the previous one stopped
        chosen = [order[(number * wanted + place) % len(rows)] for place in range(wanted)]
        if self.strategies is not None:
            return self._by_strategies(number, model, chosen, self.strategies.templates)
        prompts = [rows[index]["prompt"] for index in chosen]
        count, quota = config.sampling.completions, self.algorithm.quota
        drawn = self._sampled_and_judged(number, model, chosen, prompts, count, hinted=False)
        for call in range(1, 1 if quota is None else quota.calls):
            assert quota is not None
            short = lacking(chosen, self.sieve(drawn), self.sieve(earlier), quota.right, quota.wrong)
            if not short:
                break
            again = [rows[index]["prompt"] for index in short]
            drawn += self._sampled_and_judged(number, model, short, again, count, hinted=False, call=call)
        if self.hints is not None:
            drawn += self._rationalised(number, model, drawn, self.hints)
        return drawn

    @property
    def _steps_of_all_fits(self) -> int:
        """Optimizer steps of the whole run, for rewards that ask for them; 0 if they depend on the examples."""
        first = self.run.config.trainer.get("max_steps", -1)
        return (
            sum(self.algorithm.steps_of(number, first) for number in range(self.algorithm.rounds)) if first > 0 else 0
        )

    def _by_strategies(
        self, number: int, model: Model | Engine, chosen: Sequence[int], templates: Mapping[str, str]
    ) -> list[Sample]:
        """Samples of the prompts under each strategy; their rows have the plain prompts."""
        count, drawn = self.run.config.sampling.completions, []
        for place, (name, template) in enumerate(templates.items()):
            prompts = [self._under(template, self.rows[index], f"strategies.templates.{name}") for index in chosen]
            own = self._sampled_and_judged(number, model, chosen, prompts, count, hinted=False, call=place)
            drawn += [replace(one, strategy=name) for one in own]
        return drawn

    @staticmethod
    def _under(template: str, row: Mapping[str, Any], key: str) -> Text:
        """The prompt of a row as a strategy's template shows it."""
        try:
            return shown(row["prompt"], template, row)
        except ValueError as error:
            raise UserError(f"algorithm.{key}", str(error).removeprefix("prompt: ")) from None

    def _rationalised(self, number: int, model: Model | Engine, drawn: Sequence[Sample], hints: Hints) -> list[Sample]:
        """Samples of the prompts without a right completion, drawn with the answer shown; leaks are left out."""
        failed = failed_rows(drawn)
        if not failed:
            return []
        rows = [self.rows[index] for index in failed]
        prompts = [with_hint(row["prompt"], first_gold(row["gold"]), hints.template) for row in rows]
        tried = self._sampled_and_judged(number, model, failed, prompts, hints.completions, hinted=True)
        return [one for one in tried if not leaks(one.text, first_gold(one.row["gold"]))]

    def _sampled_and_judged(
        self,
        number: int,
        model: Model | Engine,
        chosen: Sequence[int],
        prompts: Sequence[Text],
        count: int,
        *,
        hinted: bool,
        call: int = 0,
    ) -> list[Sample]:
        """Sample and judge, with the prompts divided among the processes; every process gets all samples in order."""
        run = self.run
        rank, world = run.state.process_index, run.state.num_processes
        if self.few_shot is not None and (self.few_shot.rounds is None or number < self.few_shot.rounds):
            prompts = [after_examples(prompt, self.few_shot.text) for prompt in prompts]
        mine = list(range(len(chosen)))[rank::world]
        name = f"{run.config.seed}/{number}/{hinted}/{rank}" + (f"/{call}" if call else "")
        seed = int.from_bytes(name.encode(), "big") % (2**31 - 1)
        what = f"samples of round {number + 1}"
        asked, drawing = [prompts[place] for place in mine], run.config.sampling.parameters
        compared = self._compared if self._compared is not None and parameters_of(drawing).plain else None
        started = time.perf_counter()
        with completions_bar(run.console, what, len(mine) * count) as progress:
            groups = sample(
                model,
                run.tokenizer,
                asked,
                count=count,
                seed=seed,
                logprobs=compared is not None,
                progress=progress,
                conditioned=self.conditioned,
                **({"branched": True} if self.branched else {}),
                **drawing,
            )
        samples = as_samples(self.rows, [chosen[place] for place in mine], groups, round=number, hinted=hinted)
        drawn = time.perf_counter()
        if compared is not None and not self.mismatch:
            template_kwargs = run.config.sampling.chat_template_kwargs
            ids = [prompt_ids(prompt, run.tokenizer, template_kwargs) for prompt in asked[:COMPARED]]
            self.mismatch = mismatch(compared, ids, groups[:COMPARED])
        judged = judge(samples, run.task.verifier, run.mix, trainer_state=self.trainer_state)
        self.seconds += Counter({"sampling": drawn - started, "judging": time.perf_counter() - drawn})
        if world == 1:
            return judged
        parts: list[list[Sample]] = [[]] * world
        dist.all_gather_object(parts, judged)
        place_of = {index: place for place, index in enumerate(chosen)}
        return sorted((one for part in parts for one in part), key=lambda one: place_of[one.index])


def first_sampler(config: Config, policy: Policy, task: Task) -> Model:
    """A fresh copy of the policy that samples the first round: `algorithm.first_sampler`, or the base policy.

    Args:
        config: the config of a run in rounds.
        policy: the base policy.
        task: the loaded task.

    Raises:
        UserError: it cannot be loaded, or has another vocabulary than the policy.
    """
    assert isinstance(config.algorithm, Rounds)
    where = config.algorithm.first_sampler or policy.path
    try:
        loaded = load(config.policy, where, chat=task.chat)
        check_same_vocabulary(loaded.tokenizer, policy.tokenizer)
    except (UserError, ValueError) as error:
        raise UserError("algorithm.first_sampler", getattr(error, "what", str(error))) from error
    return loaded.model
