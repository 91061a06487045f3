"""What GRPO and PPO share: TRL's `GRPOTrainer` with credit for every token, and no compute on what teaches nothing.

    draw  →  judge  →  credit  →  update

TRL draws, judges and updates. Three of its methods are overridden, and held to TRL's results by
`tests/rl/algorithms/test_online.py`:

- `_generate_and_score_completions`, which makes a batch: its advantages (B,) give way to ours (B, T), and with dynamic
  sampling or a curriculum its prompts to ours;
- `_compute_loss`, to see which completions carry signal, before
- `_get_per_token_logps_and_entropies` runs the model: completions whose advantage is zero everywhere are left out, and
  the others are run in parts of similar length. The loss is TRL's own with its own normalisation: a completion that
  was not run keeps the log-probabilities it had, so that its ratio is 1 and its term zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from accelerate import DistributedType
from torch import Tensor

from rewards.correctness import Correctness
from rewards.mixing.mix import Mix, Mixed
from rewards.reward import Text
from rl.algorithms.length import by_length, trimmed
from rl.config.algorithms import Online
from rl.credit.spans import StepEnds
from rl.credit.token_rewards import TokenRewards, token_rewards
from rl.sampling.curriculum import Prompts
from rl.sampling.dynamic import Batch, fill
from rl.sampling.in_trl import SamplingTrainer

RIGHT = 0.5
"""The least value of a completion that counts as right, for solve rates and for groups that are all right."""


class OnlineTrainer(SamplingTrainer):
    """TRL's GRPO trainer with advantages of our own, sampling by the rules of the model layer.

    Args:
        settings: the config's `algorithm` section.
        mix: the rewards.
        arguments: TRL's own keyword arguments, and `stop`, strings that end a completion.

    Attributes:
        stateful: name → part with a `state_dict`, to be saved in checkpoints beside what TRL saves.
        logps_BT: log-probabilities of the tokens of the last batch that a loss was computed of.
    """

    def __init__(self, settings: Online, mix: Mix, **arguments: Any) -> None:
        self.judge = Judged(mix)
        super().__init__(reward_funcs=[self.judge], **arguments)
        self.settings = settings
        self.mix = mix
        self.step_ends = StepEnds(self.processing_class)
        # a reward may hold a state of its own, such as a normalisation frozen at the start of the run
        self.stateful: dict[str, Any] = {f"reward_{r.name}": r for r in mix.rewards if hasattr(r, "state_dict")}
        self.prompts: Prompts | None = None
        if settings.curriculum is not None or settings.dynamic_sampling is not None:
            self.prompts = Prompts(list(self.train_dataset), settings.curriculum, self.args.seed)  # type: ignore[arg-type]
            self.stateful["prompts"] = self.prompts
        self.skips_zero_signal = self.can_skip(self.beta)
        text_config = self.model.config.get_text_config()  # type: ignore
        self.cuts_left = hasattr(text_config, "rope_parameters")  # where positions are relative
        self._batch: dict[str, Any] | None = None
        self.logps_BT: Tensor | None = None
        self.in_parts = settings.sort_by_length and self._may_run_any_number_of_passes()

    def _may_run_any_number_of_passes(self) -> bool:
        """Whether processes may run their models a different number of times: no pass waits for another process's."""
        if self.accelerator.num_processes == 1:
            return True
        sharded = self.accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED)
        return not sharded and self.args.ddp_broadcast_buffers is False

    def credit(self, output: dict[str, Any]) -> Tensor | None:
        """Advantages (B, T) of a batch that was just judged (`self.judge`); None to leave TRL's.

        Args:
            output: the batch as TRL made it.
        """
        raise NotImplementedError

    @property
    def group(self) -> int:
        """Completions a prompt, G."""
        assert self.num_generations is not None
        return self.num_generations

    def can_skip(self, beta: float) -> bool:
        """Whether completions without signal may be left out: no term of the loss may act on every completion."""
        acts_on_all = beta != 0.0 or self._entropy_bonus_enabled or self.top_entropy_quantile < 1.0
        return self.settings.skip_zero_signal and not acts_on_all

    def token_rewards(self, output: dict[str, Any]) -> TokenRewards:
        """The rewards of the batch that was just judged, laid out over its tokens."""
        width = output["completion_ids"].shape[1]
        rewards = token_rewards(self.judge.mixed, self.mix.weights_now(), self.judge.ids, width, self.step_ends)
        return rewards.to(self.accelerator.device)

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        if self.prompts is None or not self.model.training:  # type: ignore[union-attr]
            return self._credited(inputs)
        sampling, pad = self.settings.dynamic_sampling, self._tokenizer.pad_token_id
        padding = {"prompt_ids": ("left", pad), "prompt_mask": ("left", 0), "completion_ids": ("right", pad)}
        output, draws = fill(
            self._draw,
            len(inputs) // self.group,
            self.group,
            sampling.draws if sampling else 1,
            padding,  # type: ignore[arg-type]
            self._most,
        )
        tokens: Any = self.accelerator.gather(output["completion_mask"].sum())
        output["num_items_in_batch"] = tokens.sum()
        self.record("dynamic_sampling/draws", draws)
        return output

    def _most(self, missing: int) -> int:
        """The largest number over processes."""
        gathered: Any = self.accelerator.gather(torch.tensor([missing], device=self.args.device))
        return int(gathered.max())

    def _draw(self, groups: int) -> Batch:
        """So many groups of new prompts, judged and credited."""
        assert self.prompts is not None
        ranks, rank, size = self.accelerator.num_processes, self.accelerator.process_index, self.group
        everywhere = self.prompts.draw(groups * ranks)
        mine = everywhere[rank * groups : (rank + 1) * groups]
        output = self._credited([dict(self.prompts.rows[index]) for index in mine for _ in range(size)])
        right = torch.tensor(self.judge.right(), device=self.args.device).view(groups, size)
        shares = right.nanmean(1)
        signal = (output["advantages"] != 0).view(groups, -1).any(1)
        shares_everywhere: Any = self.accelerator.gather(shares)
        signal_everywhere: Any = self.accelerator.gather(signal)
        self.prompts.update(everywhere, shares_everywhere.tolist())
        dropped = ~signal_everywhere
        all_right = (shares_everywhere == 1.0) & dropped
        self.record("dynamic_sampling/all_right", all_right.float().mean().item())
        self.record("dynamic_sampling/all_wrong", ((shares_everywhere == 0.0) & dropped).float().mean().item())
        self.record("curriculum/solve_rate", shares_everywhere.nanmean().item())
        return Batch(output, signal.tolist())

    def _credited(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output = super()._generate_and_score_completions(inputs)
        advantages = self.credit(output)
        if advantages is not None:
            output["advantages"] = advantages
        return output

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        self._batch, self.logps_BT = inputs, None
        try:
            return super()._compute_loss(model, inputs)
        finally:
            self._batch = None

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Tensor, attention_mask: Tensor, logits_to_keep: int, *rest: Any, **more: Any
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        found = self._run_in_parts(model, input_ids, attention_mask, logits_to_keep, *rest, **more)
        if self._batch is not None:
            self.logps_BT = found[0].detach()
        return found

    def _run_in_parts(
        self, model: Any, input_ids: Tensor, attention_mask: Tensor, logits_to_keep: int, *rest: Any, **more: Any
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        run = super()._get_per_token_logps_and_entropies
        usual = ("batch_size", "compute_entropy", "compute_aux_loss")
        special = any(value is not None for name, value in more.items() if name not in usual)
        if rest or special or more.get("compute_aux_loss"):  # images and experts are laid out in ways of their own
            return run(model, input_ids, attention_mask, logits_to_keep, *rest, **more)
        rows = self._rows_to_run(attention_mask)
        lengths = attention_mask[rows].sum(1)
        parts = [rows[part] for part in by_length(lengths)] if self.in_parts else [rows]
        if len(parts) == 1 and len(rows) == len(input_ids):
            return run(model, input_ids, attention_mask, logits_to_keep, **more)
        logps, entropies = [], []
        for part in parts:
            ids, mask, cut = trimmed(input_ids[part], attention_mask[part], keep=logits_to_keep, left=self.cuts_left)
            width = logits_to_keep - cut.right
            part_logps, part_entropies, _ = run(model, ids, mask, width, **more)
            logps.append(torch.nn.functional.pad(part_logps, (0, cut.right)))
            if part_entropies is not None:
                entropies.append(torch.nn.functional.pad(part_entropies, (0, cut.right)))
        ran = torch.cat(parts)
        place = torch.full((len(input_ids),), -1, device=input_ids.device)
        place[ran] = torch.arange(len(ran), device=input_ids.device)
        # where the loss compares with the log-probabilities at sampling, what was not run keeps those
        before = None if self._batch is None else self._batch.get("old_per_token_logps")
        spread = self._spread(torch.cat(logps), place, before)
        if not entropies:
            return spread, None, None
        # what was not run is given the mean of what was, so that the entropy that is logged is that of what was run
        entropy, tokens = torch.cat(entropies), attention_mask[ran][:, -logits_to_keep:]
        mean = ((entropy * tokens).sum() / tokens.sum().clamp(min=1)).detach().expand_as(spread)
        return spread, self._spread(entropy, place, mean), None

    def _rows_to_run(self, attention_mask: Tensor) -> Tensor:
        """Indices of the completions that carry signal, one at least, since every process has to run its model."""
        everything = torch.arange(len(attention_mask), device=attention_mask.device)
        if self._batch is None or not self.skips_zero_signal:
            return everything
        advantages = self._batch["advantages"]
        signal = advantages != 0 if advantages.dim() == 1 else (advantages != 0).any(1)
        return everything[signal] if signal.any() else everything[:1]

    @staticmethod
    def _spread(values_RT: Tensor, place_B: Tensor, else_BT: Tensor | None) -> Tensor:
        """Rows back in their places; the others as `else_BT`, or zero."""
        spread = values_RT[place_B.clamp(min=0)]
        other = torch.zeros_like(spread) if else_BT is None else else_BT.to(spread.dtype)
        return torch.where((place_B >= 0).unsqueeze(1), spread, other)

    def close(self) -> None:
        """Training is over and the policy is about to be saved."""

    def record(self, name: str, value: float) -> None:
        """Add a number to the next log line."""
        mode = "train" if self.model.training else "eval"  # type: ignore[union-attr]
        self._metrics[mode][name].append(value)


class Judged:
    """The mix as TRL calls it, and what it said of the last batch, with the parts TRL's signature has no room for.

    Args:
        mix: the rewards.

    Attributes:
        mixed: what the mix said.
        ids: the completions' token ids, without padding.
    """

    mixed: Mixed
    ids: Sequence[Sequence[int]]

    def __init__(self, mix: Mix) -> None:
        self.mix = mix
        self.__name__ = mix.name
        judges = (reward.name for reward in mix.rewards if isinstance(reward, Correctness))
        self._correctness = next(judges, None)

    def __call__(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> list[float | None]:
        """Score and remember."""
        self.mixed = self.mix.score(prompts, completions, completion_ids, **columns)
        self.ids = completion_ids
        return self.mixed.values

    def right(self) -> list[float]:
        """1 or 0 for each completion, by correctness where the mix has it, else by its value; NaN where unknown."""
        values = self.mixed.parts[self._correctness].values if self._correctness else self.mixed.values
        return [float("nan") if value is None else float(value >= RIGHT) for value in values]
