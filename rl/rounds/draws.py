"""A round's samples: completions of its prompts, drawn and judged, each process its share of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from accelerate import PartialState
from rich.console import Console
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rewards.mixing.mix import Mix
from rewards.models.generate import Engine
from rewards.reward import Text, question_of
from rl.analysis import console as show
from rl.config import Config
from rl.config.algorithms import Hints, Rounds, Sft
from rl.examples.hints import failed_rows, leaks, with_hint
from rl.sampling.draw import Completion, sample
from rl.storage.pool import Sample
from rl.tasks.task import Task
from verifiers.runtime.golds import first_gold


class Draws:
    """What rounds sample from and are judged by. A round's samples are decided by the seed and its number alone.

    Args:
        config: a checked config of an algorithm in rounds.
        task: its train split is sampled from.
        mix: the rewards.
        tokenizer: the policy's.
        state: of the processes.
        console: where to show progress.
    """

    def __init__(
        self,
        config: Config,
        task: Task,
        mix: Mix,
        tokenizer: PreTrainedTokenizerBase,
        state: PartialState,
        console: Console,
    ) -> None:
        self.config, self.task, self.mix, self.tokenizer = config, task, mix, tokenizer
        self.state, self.console = state, console
        assert isinstance(config.algorithm, Rounds)
        self.algorithm = config.algorithm

    def draw(self, number: int, model: PreTrainedModel | Engine) -> list[Sample]:
        """The samples of a round, the same on every process.

        Args:
            number: of the round, from 0.
            model: the policy, or an engine that holds it.
        """
        rows = self.task.splits["train"]
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(self.config.seed)).tolist()
        wanted = min(self.algorithm.prompts, len(rows))
        # rounds go on through the shuffled split where the last one stopped
        chosen = [order[(number * wanted + place) % len(rows)] for place in range(wanted)]
        prompts = [rows[row]["prompt"] for row in chosen]
        drawn = self._judged(number, model, chosen, prompts, self.config.sampling.completions, hinted=False)
        hints = self.algorithm.hints if isinstance(self.algorithm, Sft) else None
        if hints is not None:
            drawn += self._rationalised(number, model, drawn, hints)
        return drawn

    def _rationalised(
        self, number: int, model: PreTrainedModel | Engine, drawn: Sequence[Sample], hints: Hints
    ) -> list[Sample]:
        rows, failed = self.task.splits["train"], failed_rows(drawn)
        if not failed:
            return []
        shown = [with_hint(rows[row]["prompt"], first_gold(rows[row]["gold"]), hints.template) for row in failed]
        tried = self._judged(number, model, failed, shown, hints.completions, hinted=True)
        return [one for one in tried if not leaks(one.completion, first_gold(rows[one.row]["gold"]))]

    def _judged(
        self,
        number: int,
        model: PreTrainedModel | Engine,
        chosen: Sequence[int],
        prompts: Sequence[Text],
        count: int,
        *,
        hinted: bool,
    ) -> list[Sample]:
        """Draw and judge, each process its share of the prompts; all of them get all samples, in order."""
        rank, world = self.state.process_index, self.state.num_processes
        mine = list(range(len(chosen)))[rank::world]
        seed = int.from_bytes(f"{self.config.seed}/{number}/{hinted}/{rank}".encode(), "big") % (2**31 - 1)
        with show.evaluating(self.console, f"samples of round {number + 1}", len(mine) * count) as progress:
            groups = sample(
                model,
                self.tokenizer,
                [prompts[place] for place in mine],
                count=count,
                seed=seed,
                progress=progress,
                **self.config.sampling.parameters,
            )
        flat = [(chosen[place], one) for place, group in zip(mine, groups, strict=True) for one in group]
        judged = self._scored(number, flat, hinted=hinted) if flat else []
        if world == 1:
            return judged
        parts: list[Any] = [None] * world
        dist.all_gather_object(parts, judged)
        place = {row: index for index, row in enumerate(chosen)}
        return sorted((one for part in parts for one in part), key=lambda one: place[one.row])

    def _scored(self, number: int, flat: Sequence[tuple[int, Completion]], *, hinted: bool) -> list[Sample]:
        """What the rewards and the task's verifier say of completions, each of a row of the train split."""
        rows = [self.task.splits["train"][row] for row, _ in flat]
        columns = {name: [row[name] for row in rows] for name in rows[0] if name != "prompt"}
        given = [row["prompt"] for row in rows]
        texts: list[Any] = [
            one.text if isinstance(prompt, str) else [{"role": "assistant", "content": one.text}]
            for prompt, (_, one) in zip(given, flat, strict=True)
        ]
        mixed = self.mix.score(given, texts, [one.ids for _, one in flat], **columns)
        verdicts = self.task.judge()(
            [
                {**row, "prompt": question_of(row["prompt"]), "prediction": one.text}
                for row, (_, one) in zip(rows, flat, strict=True)
            ]
        )
        return [
            Sample(
                round=number,
                row=row,
                prompt=given[place],
                completion=one.text,
                completion_ids=one.ids,
                finish=one.finish_reason,
                hinted=hinted,
                score=mixed.values[place],
                right=verdicts[place].score == 1.0 if verdicts[place].status == "judged" else None,
                rewards={name: scores.values[place] for name, scores in mixed.parts.items()},
                steps=[(step.start, step.end, step.score) for step in verdicts[place].steps],
            )
            for place, (row, one) in enumerate(flat)
        ]
