"""The trainer that GRPO and PPO share: TRL's `GRPOTrainer` as a loop whose steps have names.

    sample  →  judge  →  credit  →  update

TRL owns the loop: it asks for the next batch (`_generate_and_score_completions`), takes optimizer steps on it, and asks
again. Each algorithm provides the batch in `next_batch`. These TRL methods are overridden:

- `_generate_and_score_completions` calls `next_batch`;
- `_calculate_rewards`, TRL's seam between sampling and advantages, judges the completions as samples;
- `_compute_loss` passes TRL a `ForwardPass` instead of the model, and
- `_get_per_token_logps_and_entropies` runs it: completions whose advantage is zero everywhere are left out, and the
  others are run in parts of similar length, or with the prompt that they share run once, with the same gradient
  (`rl/algorithms/forward_pass.py`).

Everything else is TRL's own. `tests/rl/algorithms/test_online.py` compares the results with TRL's.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, cast

import torch
from peft import PeftModel
from torch import Tensor, nn
from trl.trainer.grpo_config import GRPOConfig

from rewards.mixing.mix import Mix
from rewards.models.batches import pad_id
from rewards.parts.rationale import layout
from rewards.reward import Text
from rewards.sample import Sample
from rl.algorithms import answering
from rl.algorithms.forward_pass import ForwardPass, positions_by_the_mask, rows_with_signal
from rl.algorithms.overlap import Overlap
from rl.algorithms.sharing import Sharing
from rl.config.algorithms import Online
from rl.credit.spans import StepEnds
from rl.credit.token_rewards import TokenRewards, token_rewards
from rl.policy.sharded import is_sharded
from rl.sampling.curriculum import PromptSampler
from rl.sampling.dynamic import Draw, fill
from rl.sampling.in_trl import SamplingTrainer
from rl.sampling.judge import judge
from rl.sampling.quality import quality
from rl.storage.checkpoints import Part
from rl.storage.completions import columns_of
from verifiers.runtime.verifier import Verifier

Batch = dict[str, Any]
"""A batch as TRL's trainer holds it: name → tensor with one row per completion. Prompts are padded on the left to P
tokens, completions on the right to T tokens: `prompt_ids` and `prompt_mask` (B, P), `completion_ids` and
`completion_mask` (B, T), `advantages` (B,) or (B, T), and if TRL needs them `old_per_token_logps` and
`ref_per_token_logps` (B, T)."""


class OnlineTrainer(SamplingTrainer):
    """TRL's GRPO trainer with Whetstone's sampling, judging and credit.

    Args:
        settings: the config's `algorithm` section.
        mix: the rewards.
        verifier: the task's verifier.
        arguments: TRL's own keyword arguments, and `stop`, the strings that end a completion.

    Attributes:
        samples: the judged samples of the last batch on this process.
        stateful: name → part with a `state_dict`, which checkpoints save in addition to what TRL saves.
    """

    def __init__(self, settings: Online, mix: Mix, verifier: Verifier, **arguments: Any) -> None:
        super().__init__(reward_funcs=[mix], **arguments)
        self.settings, self.mix, self.verifier = settings, mix, verifier
        self.samples: list[Sample] = []
        self.drawn = 0
        """Number of completions that all processes have drawn for the current batch, with a sampler of our own."""
        self.step_ends = StepEnds(self._tokenizer)
        # a reward may have a state, such as a normalisation that is fixed at the start of the run
        stateful = {f"reward_{one.name}": cast(Part, one) for one in mix.rewards if hasattr(one, "state_dict")}
        self.stateful: dict[str, Part] = stateful
        self.prompt_sampler: PromptSampler | None = None
        if settings.curriculum is not None or settings.dynamic_sampling is not None:
            train_split = cast(Sequence[dict[str, Any]], self.train_dataset)  # TRL declares other kinds as well
            self.prompt_sampler = PromptSampler(list(train_split), settings.curriculum, self.args.seed)
            self.stateful["prompts"] = self.prompt_sampler
        self.overlap = Overlap(self) if settings.overlap else None
        if self.overlap is not None:
            self.stateful["overlap"] = self.overlap
        self.has_relative_positions = hasattr(self.policy.config.get_text_config(), "rope_parameters")
        self.sharing = Sharing(self.policy, settings.share_prompts)
        self.answer_layout = layout(settings.answering.layout if settings.answering else {}, verifier.name)
        self.in_parts = settings.sort_by_length and self.may_run_any_number_of_passes()

    @abstractmethod
    def next_batch(self, rows: list[dict[str, Any]]) -> Batch:
        """Sample, judge and credit the next batch.

        Args:
            rows: rows of the task; each is repeated once per completion of its prompt.
        """

    @abstractmethod
    def carries_signal(self, samples: Sequence[Sample], batch: Batch) -> Tensor:
        """Whether the policy could learn anything from each group of completions: bools (B / G,)."""

    @property
    def group(self) -> int:
        """G, the number of completions per prompt."""
        assert self.num_generations is not None
        return self.num_generations

    @property
    def steps_a_cycle(self) -> int:
        """Optimizer steps of a generation cycle."""
        args = cast(GRPOConfig, self.args)
        assert args.steps_per_generation is not None
        return args.steps_per_generation * self.num_iterations // args.gradient_accumulation_steps

    @property
    def cycle(self) -> int:
        """The number of the generation cycle, from 0; a run resumes at the start of one."""
        return self.state.global_step // self.steps_a_cycle

    @property
    def skips_zero_signal(self) -> bool:
        """Whether zero-advantage completions may be left out: no term of the loss may act on every completion."""
        acts_on_all = self.beta != 0.0 or self._entropy_bonus_enabled or self.top_entropy_quantile < 1.0
        return self.settings.skip_zero_signal and not acts_on_all

    def sample_and_judge(self, rows: list[dict[str, Any]]) -> tuple[Batch, list[Sample]]:
        """A batch of completions and the judged sample of each, in the same order.

        TRL samples and calls our judge on the way (`_calculate_rewards`). With a curriculum or dynamic sampling,
        prompts from our own sampler replace those that TRL drew. With `algorithm.overlap` the batch was drawn before
        the last update, and judged since then (`rl/algorithms/overlap.py`).

        Args:
            rows: as in `next_batch`.

        Returns:
            The batch with TRL's advantages (B,), and its B samples.
        """
        if self.prompt_sampler is None or not self.is_training:
            ahead = self.overlap if self.is_training else None
            batch = self.scored(rows) if ahead is None else ahead.next_batch()[1]
            return batch, self.samples
        sampling = self.settings.dynamic_sampling
        pad = pad_id(self._tokenizer)
        self.drawn = 0
        batch, samples, draws = fill(
            self._draw_groups,
            groups=len(rows) // self.group,
            group=self.group,
            draws=sampling.draws if sampling else 1,
            pad={"prompt_ids": ("left", pad), "prompt_mask": ("left", 0.0), "completion_ids": ("right", pad)},
            most=self._most_over_processes,
        )
        batch["num_items_in_batch"] = self.gathered(batch["completion_mask"].sum()).sum()
        self.record("dynamic_sampling/draws", draws)
        self.record("dynamic_sampling/completions", self.drawn)
        return batch, samples

    def scored(self, rows: list[dict[str, Any]]) -> Batch:
        """A batch by TRL: sampled, judged, and with TRL's advantages (B,)."""
        return super()._generate_and_score_completions(rows)

    def token_rewards(self, samples: Sequence[Sample], batch: Batch) -> TokenRewards:
        """The rewards of the samples' tokens, on the trainer's device."""
        width = batch["completion_ids"].shape[1]
        return token_rewards(samples, self.mix.credits, width, self.step_ends).to(self.accelerator.device)

    def may_run_any_number_of_passes(self) -> bool:
        """Whether processes may run different numbers of passes: no pass may wait for another process's."""
        if self.accelerator.num_processes == 1:
            return True
        return not is_sharded(self.accelerator) and self.args.ddp_broadcast_buffers is False

    def record_update(self, batch: Batch, logprobs_BT: Tensor) -> None:
        """Record figures about one loss. The default records nothing.

        Args:
            batch: the batch of the loss.
            logprobs_BT: log-probabilities (nats) of its tokens under the current policy.
        """

    def close(self) -> None:
        """After training, remove from the policy what must not be saved with it."""
        if isinstance(self.policy, PeftModel) and "ref" in self.policy.peft_config:  # TRL's copy of the first adapters
            self.policy.delete_adapter("ref")

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> Batch:
        settings = self.settings.answering
        if settings is None or not self.is_training or not answering.is_due(settings, self.cycle):
            return self.next_batch(inputs)
        _, samples = self.sample_and_judge(inputs)
        template_kwargs = cast(dict[str, Any] | None, self.chat_template_kwargs)
        batch = answering.answering_batch(samples, settings, self.answer_layout, self._tokenizer, template_kwargs)
        return {name: tensor.to(self.accelerator.device) for name, tensor in batch.items()}

    def _calculate_rewards(
        self,
        inputs: Sequence[Mapping[str, Any]],
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids_list: Sequence[list[int]],
    ) -> Tensor:
        """Judge the completions, keep them as `samples`, and return the rewards of all processes, (B', 1)."""
        with self.timed("judging"):
            self.samples = self.judged(self.as_samples(inputs, prompts, completions, completion_ids_list))
        for name, values in columns_of(self.samples).items():
            self._log_completion_extra(name, values)
        for name, value in quality(self.samples).items():
            self._log_metric(f"completions/{name}", value)
        rewards = [torch.nan if one.reward is None else one.reward for one in self.samples]
        rewards_B1 = torch.tensor(rewards, dtype=torch.float32, device=self.accelerator.device).unsqueeze(1)
        return self.gathered(rewards_B1)

    def judged(self, samples: Sequence[Sample]) -> list[Sample]:
        """The samples with their verdicts and rewards."""
        return judge(
            samples,
            self.verifier,
            self.mix,
            trainer_state=self.state,
            log_metric=self._log_metric,
            log_extra=self._log_completion_extra,
        )

    def _compute_loss(self, model: nn.Module, inputs: Batch) -> Tensor:
        if answering.TOLD in inputs:
            return self._answering_loss(model, inputs)
        rows_R = rows_with_signal(inputs["advantages"]) if self.skips_zero_signal else None
        forward = ForwardPass(model, rows_R, inputs.get("old_per_token_logps"))
        loss = super()._compute_loss(forward, inputs)
        assert forward.logprobs_BT is not None
        self.record_update(inputs, forward.logprobs_BT)
        return loss

    def _answering_loss(self, model: nn.Module, inputs: Batch) -> Tensor:
        assert self.settings.answering is not None
        logprobs_BT = answering.answer_logprobs(model, self.policy, inputs)
        told_B, mask_BT = inputs[answering.TOLD], inputs["completion_mask"]
        loss = answering.answering_loss(logprobs_BT, mask_BT, told_B, self.settings.answering, self.record)
        return loss / self.current_gradient_accumulation_steps  # as TRL's losses

    def _get_per_token_logps_and_entropies(
        self,
        model: nn.Module | ForwardPass,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        *rest: Any,
        **more: Any,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        forward = model if isinstance(model, ForwardPass) else ForwardPass(model)
        usual = ("batch_size", "compute_entropy", "compute_aux_loss")
        special = any(value is not None for name, value in more.items() if name not in usual)
        if rest or special or more.get("compute_aux_loss"):  # images and experts have layouts of their own
            run = super()._get_per_token_logps_and_entropies
            found = run(forward.model, input_ids, attention_mask, logits_to_keep, *rest, **more)
        else:
            counting = nullcontext()
            if not self.has_relative_positions:
                counting = positions_by_the_mask(self.accelerator.unwrap_model(forward.model))
            with counting:
                found = forward.run(
                    super()._get_per_token_logps_and_entropies,
                    input_ids,
                    attention_mask,
                    logits_to_keep,
                    by_length=self.in_parts,
                    trim_left=self.has_relative_positions,
                    sharing=self.sharing,
                    **more,
                )
        forward.logprobs_BT = found[0].detach()
        return found

    def _most_over_processes(self, missing: int) -> int:
        return int(self.gathered(torch.tensor([missing], device=self.args.device)).max())

    def _draw_groups(self, groups: int) -> Draw:
        """Sample and judge groups of new prompts, and tell the prompt sampler how often each was solved."""
        assert self.prompt_sampler is not None
        if self.overlap is None:
            everywhere = self.prompt_sampler.draw(groups * self.accelerator.num_processes)
            batch = self.scored(self.rows_of(everywhere, self.group))
        else:
            everywhere, batch = self.overlap.next_batch()
        self.drawn += len(everywhere) * self.group
        right = [torch.nan if one.right is None else float(one.right) for one in self.samples]
        share = torch.tensor(right, device=self.args.device).view(groups, self.group).nanmean(1)
        signal = self.carries_signal(self.samples, batch)
        share_everywhere, signal_everywhere = self.gathered(share), self.gathered(signal)
        self.prompt_sampler.update(everywhere, share_everywhere.tolist())
        dropped = ~signal_everywhere
        self.record("dynamic_sampling/all_right", ((share_everywhere == 1.0) & dropped).float().mean().item())
        self.record("dynamic_sampling/all_wrong", ((share_everywhere == 0.0) & dropped).float().mean().item())
        self.record("curriculum/solve_rate", share_everywhere.nanmean().item())
        return Draw(batch, self.samples, signal.tolist())
