r"""Rewards that wait, beside drawing: the policy draws the next batch while the last one is judged.

A judge behind an API, or a program that runs, leaves the trainer idle. With `algorithm.overlap` a generation cycle is

    draw batch k + 1  →  wait for the rewards of batch k  →  credit, update on batch k

and batch k + 1 is judged in a thread, beside the update on batch k and the draw of batch k + 2. So every batch but the
first was drawn by the policy $\pi_{old}$ of one update before. The ratio of the clipped loss corrects for this:

$$ \rho_t = \pi(a_t) / \pi_{old}(a_t) $$

For it, log π_old is computed right after the draw, by the weights that drew. The first cycle draws two batches, and the
last one none.

TRL's `_generate_and_score_completions` runs when a batch is due, and makes advantages and log lines as ever. Of the
methods that it calls, `_generate`, the forward pass for log π_old, and the judging return what the draw has left.

Nothing depends on when a reward returns. One batch is judged at a time. The order of prompts is TRL's own, or the
curriculum's, which learns the solve rates of a batch when the policy learns from it. Draws have a stream of random
numbers of their own: as long as the policy stays the same, they are those of a run without overlap.

A checkpoint has the batch that waits, without its rewards; a resumed run judges it again. An exception of the thread is
raised when its batch is due.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import Tensor
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.utils import pad

from rewards.mixing.time_limit import Running
from rewards.models.batches import pad_id
from rewards.sample import Sample
from rl.errors import UserError
from rl.sampling.judge import judge
from rl.sampling.passes import Passes

if TYPE_CHECKING:
    from rl.algorithms.online import Batch, OnlineTrainer


@dataclass(frozen=True)
class Drawn:
    """A batch that was drawn for a later update.

    Attributes:
        prompts: places in the train split of the prompts of all processes.
        generated: what TRL's `_generate` returned on this process.
        old_logprobs_BT: log-probabilities (nats) of the tokens under the policy that drew them.
        metrics: metric → the numbers that were recorded during the draw.
        random: the state of torch's random numbers after the draw, from which TRL shuffles the batch.
        step: number of optimizer steps when the batch is due; rewards and schedules of weights see this one.
        epoch: passes over the train split, for rewards that ask the trainer's state.
    """

    prompts: list[int]
    generated: tuple[Any, ...]
    old_logprobs_BT: Tensor
    metrics: dict[str, list[float]]
    random: Tensor
    step: int
    epoch: float


class Judged(NamedTuple):
    """The judged samples of a batch, and what the rewards want to have logged."""

    samples: list[Sample]
    metrics: list[tuple[str, float]]
    columns: list[tuple[str, list[Any]]]


class Overlap:
    """Draws each batch one update ahead, and judges it in a thread.

    Args:
        trainer: the trainer that learns from the batches.

    Raises:
        UserError: a reward has a state, and a checkpoint could not tell which batches it has seen.
    """

    per_process = True

    def __init__(self, trainer: OnlineTrainer) -> None:
        for reward in trainer.mix.rewards:
            if hasattr(reward, "state_dict"):
                raise UserError(
                    f"rewards.{reward.name}",
                    "it has a state that checkpoints save, and with algorithm.overlap that would depend on how fast it "
                    "is; leave algorithm.overlap out",
                )
        batch = cast(GRPOConfig, trainer.args).generation_batch_size
        assert batch is not None
        self.trainer, self.prompts = trainer, batch // trainer.group
        rows = len(cast(Sequence[Any], trainer.train_dataset))
        self.passes = Passes(rows, self.prompts, shuffle=bool(trainer.shuffle_dataset), seed=trainer.args.seed)
        self.random: Tensor | None = None
        """The state of torch's random numbers for the next draw; None for the current one."""
        self.drawn: Drawn | None = None
        self.judging: Running[Judged] | None = None

    def next_batch(self) -> tuple[list[int], Batch]:
        """Draw the batch after the next one, and finish the next one, for whose rewards this waits.

        Returns:
            The places of the next batch's prompts, as in `Drawn`, and the batch as TRL makes it. Its samples are the
            trainer's `samples`.

        Raises:
            Exception: whatever judging it has raised.
        """
        state = self.trainer.state
        if self.drawn is None:
            self.drawn = self._draw(state.global_step)
            self.judging = self._judged_meanwhile(self.drawn)
        due, judging, after = self.drawn, self.judging, state.global_step + self.trainer.steps_a_cycle
        assert judging is not None
        self.drawn = self._draw(after) if after < state.max_steps else None
        batch = self._finished(due, judging)
        self.judging = None if self.drawn is None else self._judged_meanwhile(self.drawn)
        return due.prompts, batch

    def settle(self) -> None:
        """Wait until no batch is being judged, for an evaluation that needs the verifier, too."""
        if self.judging is not None:
            self.judging.wait()

    def state_dict(self) -> dict[str, Any]:
        """The batch that waits, and the positions in the order of the prompts and in the random numbers."""
        drawn = None if self.drawn is None else vars(self.drawn)
        processes = self.trainer.accelerator.num_processes
        return {"drawn": drawn, "random": self.random, "prompts": self.passes.drawn, "processes": processes}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a saved state, and judge the batch that waits.

        Raises:
            UserError: the state is that of another number of processes, each of which has a share of the batch.
        """
        if state["processes"] != self.trainer.accelerator.num_processes:
            raise UserError(
                "algorithm.overlap",
                f"the checkpoint has a batch that waits, in shares of {state['processes']} processes; resume with as "
                "many",
            )
        self.random = state["random"]
        self.passes.draw(state["prompts"])
        if state["drawn"] is not None:
            drawn = Drawn(**state["drawn"])
            self.drawn = replace(drawn, old_logprobs_BT=drawn.old_logprobs_BT.to(self.trainer.accelerator.device))
            self.judging = self._judged_meanwhile(self.drawn)

    def _draw(self, step: int) -> Drawn:
        """A batch by the current policy.

        Args:
            step: number of optimizer steps when it is due.
        """
        trainer = self.trainer
        prompts = (trainer.prompt_sampler or self.passes).draw(self.prompts)
        rows = trainer.rows_of(prompts, trainer.group)
        if self.random is not None:
            torch.set_rng_state(self.random)
        with _metrics_apart(trainer) as metrics:
            generated = trainer._generate([row["prompt"] for row in rows])
        random = torch.get_rng_state()
        torch.randperm(len(rows))  # as TRL will shuffle the batch
        self.random = torch.get_rng_state()
        old_BT = self._logprobs(generated[0], generated[1])
        return Drawn(prompts, generated, old_BT, dict(metrics), random, step, trainer.state.epoch)

    def _judged_meanwhile(self, drawn: Drawn) -> Running[Judged]:
        """Judge a batch in a thread."""
        trainer = self.trainer
        _, completion_ids, _, completions, *_ = drawn.generated
        rows = trainer.rows_of(drawn.prompts, trainer.group)
        samples = trainer.as_samples(rows, [row["prompt"] for row in rows], completions, completion_ids)
        state = copy.copy(trainer.state)  # which goes on meanwhile
        state.global_step, state.epoch = drawn.step, drawn.epoch
        metrics: list[tuple[str, float]] = []
        columns: list[tuple[str, list[Any]]] = []

        def judged() -> Judged:
            made = judge(
                samples,
                trainer.verifier,
                trainer.mix,
                trainer_state=state,
                log_metric=lambda name, value: metrics.append((name, value)),
                log_extra=lambda name, values: columns.append((name, values)),
            )
            return Judged(made, metrics, columns)

        return Running(judged)

    def _finished(self, drawn: Drawn, judging: Running[Judged]) -> Batch:
        """The batch as TRL makes it, with the log-probabilities of the policy that drew it."""
        trainer, old = self.trainer, [drawn.old_logprobs_BT]
        logprobs = trainer._get_per_token_logps_and_entropies

        def generate(prompts: Any) -> tuple[Any, ...]:
            recorded = trainer._metrics["train"]
            for name, values in drawn.metrics.items():
                recorded[name] = values if name == "num_tokens" else [*recorded[name], *values]  # that one is a total
            return drawn.generated

        def old_first(model: Any, ids_BS: Tensor, *rest: Any, **more: Any) -> tuple[Any, ...]:
            return (old.pop(), None, None) if old else logprobs(model, ids_BS, *rest, **more)

        def judged(samples: Any) -> list[Sample]:
            found = judging.result()
            for name, value in found.metrics:
                trainer._log_metric(name, value)
            for name, values in found.columns:
                trainer._log_completion_extra(name, values)
            return found.samples

        known: dict[str, Callable[..., Any]] = {"_generate": generate, "judged": judged}
        if computes_old(trainer):
            known["_get_per_token_logps_and_entropies"] = old_first
        with _replaced(trainer, known):
            batch = trainer.scored(trainer.rows_of(drawn.prompts, trainer.group))
        torch.set_rng_state(drawn.random)
        return {**batch, "old_per_token_logps": drawn.old_logprobs_BT}

    def _logprobs(self, prompts: Sequence[list[int]], completions: Sequence[list[int]]) -> Tensor:
        """Log-probabilities (nats) of the completions' tokens under the current policy, (B, T)."""
        trainer, args, model = self.trainer, self.trainer.args, cast(Any, self.trainer.model)
        parts = []
        for rows, side in ((prompts, "left"), (completions, "right")):
            ids = [torch.tensor(row, dtype=torch.long) for row in rows]
            how: dict[str, Any] = {"padding_side": side, "pad_to_multiple_of": trainer.pad_to_multiple_of}
            filled = pad(ids, padding_value=pad_id(trainer._tokenizer), **how)
            parts.append((filled, pad([torch.ones_like(row) for row in ids], padding_value=0, **how)))
        ids_BS, mask_BS = (torch.cat(both, dim=1).to(args.device) for both in zip(*parts, strict=True))
        width, checkpointing = parts[1][0].shape[1], cast(Any, args.gradient_checkpointing_kwargs)
        with torch.no_grad(), disable_gradient_checkpointing(model, checkpointing):
            found, _, _ = trainer._get_per_token_logps_and_entropies(
                model, ids_BS, mask_BS, width, batch_size=args.per_device_train_batch_size
            )
        return found


def computes_old(trainer: OnlineTrainer) -> bool:
    """Whether TRL computes log π_old of a batch, before anything else that needs a forward pass.

    It does so if it takes several optimizer steps on a batch, or if an engine draws.
    """
    args = cast(GRPOConfig, trainer.args)
    assert args.steps_per_generation is not None
    of_engine = trainer.use_vllm and trainer.vllm_importance_sampling_correction
    return args.gradient_accumulation_steps % (args.steps_per_generation * trainer.num_iterations) != 0 or of_engine


@contextmanager
def _metrics_apart(trainer: OnlineTrainer) -> Iterator[dict[str, list[float]]]:
    """In this context, the trainer records its metrics in a dictionary of their own."""
    before, apart = trainer._metrics["train"], defaultdict(list)
    trainer._metrics["train"] = apart
    try:
        yield apart
    finally:
        trainer._metrics["train"] = before


@contextmanager
def _replaced(trainer: OnlineTrainer, methods: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """In this context, the trainer has these methods instead of its own."""
    before = {name: vars(trainer)[name] for name in methods if name in vars(trainer)}
    vars(trainer).update(methods)
    try:
        yield
    finally:
        for name in methods:
            del vars(trainer)[name]
        vars(trainer).update(before)
