"""TRL's sampling by the rules of the model layer: the prompt tokens, drawing settings and ends of everything else here.

TRL's `GRPOTrainer` has its own tokenisation of prompts, lets a model's stored generation defaults enter, and knows no
stop strings. These of its methods are overridden:

- `_tokenize_prompts`: prompts are tokenized by `rewards/models/prompts.py`;
- `_generate_single_turn`: transformers' `generate` runs without the stored defaults and ends at stop strings, and each
  completion is cut where `rewards/models/stopping.py` cuts it;
- `_generate` and `_generate_and_score_completions`: a completion that a stop string ended is whole, in TRL's metrics
  and under `mask_truncated_completions`, where TRL looks for an end-of-text token alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, cast

import torch
from torch import Tensor
from transformers import StoppingCriteriaList
from trl.trainer.grpo_trainer import GRPOTrainer

from rewards.models.generate import without_stored_defaults
from rewards.models.prompts import Text, prompt_ids
from rewards.models.stopping import StopStrings, ended
from rewards.models.types import Generates, Model, Tokenizer


class SamplingTrainer(GRPOTrainer):
    """TRL's GRPO trainer with prompts, drawing settings and ends by the model layer.

    Args:
        stop: strings that end a completion.
        arguments: TRL's own keyword arguments.
    """

    def __init__(self, *, stop: Sequence[str] = (), **arguments: Any) -> None:
        super().__init__(**arguments)
        self.stop = tuple(stop)
        self.masks_cut_off = bool(self.stop) and self.mask_truncated_completions
        if self.masks_cut_off:  # done here, since TRL would mask what a stop string ended
            self.mask_truncated_completions = False

    @property
    def is_training(self) -> bool:
        """Whether the policy is in training mode; TRL counts what happens meanwhile apart from evaluation."""
        return self.policy.training

    @property
    def policy(self) -> Model:
        """The policy, without the wrappers that train it."""
        return cast(Model, self.accelerator.unwrap_model(self.model))

    def gathered(self, tensor: Tensor) -> Tensor:
        """The tensors of all processes, one after the other along the first dimension."""
        return cast(Tensor, self.accelerator.gather(tensor))

    def _tokenize_prompts(self, prompts: list[Text]) -> tuple[list[list[int]], None, dict[str, Any]]:
        template_kwargs = cast(dict[str, Any] | None, self.chat_template_kwargs)  # TRL's config takes JSON as well
        return [prompt_ids(prompt, self._tokenizer, template_kwargs) for prompt in prompts], None, {}

    def _generate_single_turn(self, *given: Any, **more: Any) -> tuple[list[list[int]], list[list[float]] | None]:
        with without_stored_defaults(self.policy), _stopping(self.policy, self.stop, self._tokenizer):
            completions, logprobs = super()._generate_single_turn(*given, **more)
        if self.stop:
            completions = [self.ended(ids)[0] for ids in completions]
            if logprobs is not None:
                logprobs = [of[: len(ids)] for of, ids in zip(logprobs, completions, strict=True)]
        return completions, logprobs

    def _generate(self, prompts: list[Text]) -> tuple[Any, ...]:
        generated = super()._generate(prompts)
        if self.stop:
            self._record_ends(generated[1])
        return generated

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output = super()._generate_and_score_completions(inputs)
        if self.masks_cut_off:
            mask_BT = output["completion_mask"]
            rows = [ids[mask.bool()].tolist() for ids, mask in zip(output["completion_ids"], mask_BT, strict=True)]
            whole_B = torch.tensor([self.ended(ids)[1] == "stop" for ids in rows], device=mask_BT.device)
            output["completion_mask"] = mask_BT * whole_B.unsqueeze(1)
            output["num_items_in_batch"] = self.gathered(output["completion_mask"].sum()).sum()
        return output

    def ended(self, ids: list[int]) -> tuple[list[int], Literal["stop", "length"]]:
        """A completion up to the token that ends it, and why it ends there."""
        return ended(ids, self.eos_token_ids, self.stop, self._tokenizer)

    def _record_ends(self, completions: Sequence[list[int]]) -> None:
        """Correct TRL's metrics about completions that were cut off."""
        device = self.accelerator.device
        everywhere = self.gathered(torch.tensor([len(ids) for ids in completions], device=device))
        cut = self.gathered(torch.tensor([self.ended(ids)[1] == "length" for ids in completions], device=device))
        whole = everywhere[~cut].float() if (~cut).any() else torch.zeros(1)
        metrics = self._metrics["train" if self.is_training else "eval"]
        metrics["completions/clipped_ratio"][-1] = cut.float().mean().item()
        for name in ("mean", "min", "max"):
            metrics[f"completions/{name}_terminated_length"][-1] = getattr(whole, name)().item()


@contextmanager
def _stopping(policy: Model, stop: Sequence[str], tokenizer: Tokenizer) -> Iterator[None]:
    """Every call of the model's `generate` ends completions at the strings; TRL leaves no other way to say so."""
    if not stop:
        yield
        return
    model = cast(Generates, policy)
    plain = model.generate

    def generate(**given: Any) -> Tensor:
        criteria = StoppingCriteriaList([StopStrings(stop, tokenizer, given["input_ids"].shape[1])])
        return plain(stopping_criteria=criteria, **given)

    model.generate = generate
    try:
        yield
    finally:
        del model.generate
