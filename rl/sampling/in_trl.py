"""TRL's sampling with the model layer's rules for prompt tokens, sampling parameters and ends of completions.

TRL's `GRPOTrainer` tokenizes prompts in its own way, applies a model's stored generation defaults, and has no stop
strings. These methods are overridden:

- `vllm_generation`, which draws completions if an engine does, is `rl/sampling/from_engine.py`;
- `_tokenize_prompts` tokenizes prompts with `rewards/models/prompts.py`;
- `_generate_single_turn` runs transformers' `generate` without the stored defaults, from a cache of what the prompts
  share (`rewards/models/prefill.py`), stops at stop strings, and cuts each completion where
  `rewards/models/stopping.py` cuts it;
- `_generate` and `_generate_and_score_completions` count a completion that a stop string ended as complete, in TRL's
  metrics and under `mask_truncated_completions`. TRL itself looks only for an end-of-text token.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal, cast

import torch
from torch import Tensor
from transformers import GenerationConfig, StoppingCriteriaList
from trl.trainer.grpo_trainer import GRPOTrainer

from rewards.models.batches import pad_id
from rewards.models.decoding import decoding
from rewards.models.generate import SamplingParameters, without_stored_defaults
from rewards.models.prefill import prefilled
from rewards.models.prompts import Text, prompt_ids, render
from rewards.models.stopping import StopStrings, ended, strings_and_tokens
from rewards.models.types import Generates, Model, Tokenizer
from rewards.reward import text_of
from rewards.sample import Sample
from rl.sampling.from_engine import FromEngine
from rl.sampling.vllm import VllmEngine
from verifiers.answer.completion import leaves_open


class SamplingTrainer(GRPOTrainer):
    """TRL's GRPO trainer with the model layer's prompts, sampling parameters and ends of completions.

    Args:
        stop: strings, or special tokens, that end a completion.
        engine: the engine that generates; None for transformers.
        parameters: the sampling parameters of the engine.
        arguments: TRL's own keyword arguments.
    """

    def __init__(
        self,
        *,
        stop: Sequence[str] = (),
        engine: VllmEngine | None = None,
        parameters: SamplingParameters | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        strings, tokens = strings_and_tokens(stop, self._tokenizer)
        self.stop = tuple(strings)
        self._end_at(tokens)
        self.masks_cut_off = bool(self.stop) and self.mask_truncated_completions
        if self.masks_cut_off:  # masked here instead, because TRL would mask completions that a stop string ended
            self.mask_truncated_completions = False
        if engine is not None:
            assert parameters is not None
            self._draw_from(engine, replace(parameters, stop=strings))

    def _draw_from(self, engine: VllmEngine, parameters: SamplingParameters) -> None:
        """Let TRL draw from an engine, and correct for what its log-probabilities differ from the policy's."""
        self.use_vllm, self._last_loaded_step = True, -1
        draws: Any = FromEngine(  # TRL would have a class of its own here
            engine,
            lambda: self.policy,
            lambda: self.state.global_step,
            parameters,
            self.eos_token_ids,
            f"{self.args.seed}/{self.accelerator.process_index}",
        )
        self.vllm_generation = draws

    def _end_at(self, tokens: Sequence[int]) -> None:
        """Let completions end at further tokens, too."""
        self.eos_token_ids = [*self.eos_token_ids, *tokens]
        self.generation_kwargs["eos_token_id"] = self.generation_config.eos_token_id = self.eos_token_ids

    @property
    def is_training(self) -> bool:
        """Whether the policy is in training mode, for which TRL keeps metrics separate from those of evaluation."""
        return self.policy.training

    @property
    def policy(self) -> Model:
        """The policy, without the wrappers that train it."""
        return cast(Model, self.accelerator.unwrap_model(self.model))

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Count the time within this context for a phase: `time/PHASE` in the log, in seconds."""
        started = time.perf_counter()
        yield
        self.record(f"time/{phase}", time.perf_counter() - started)

    def record(self, name: str, value: float) -> None:
        """Add a number to the next log line, which shows the mean of the numbers since the previous line."""
        self._metrics["train" if self.is_training else "eval"][name].append(value)

    def gathered(self, tensor: Tensor) -> Tensor:
        """The tensors of all processes, concatenated along the first dimension."""
        return cast(Tensor, self.accelerator.gather(tensor))

    def rows_of(self, prompts: Sequence[int], group: int) -> list[dict[str, Any]]:
        """This process's rows of a batch, one for each completion.

        Args:
            prompts: places in the train split of the prompts of all processes.
            group: completions per prompt.
        """
        places = [place for place in prompts for _ in range(group)]
        share = len(places) // self.accelerator.num_processes
        mine = places[self.accelerator.process_index * share :][:share]
        train_split = cast(Sequence[dict[str, Any]], self.train_dataset)  # TRL declares other kinds as well
        rows = {place: train_split[place] for place in dict.fromkeys(mine)}
        return [dict(rows[place]) for place in mine]

    def as_samples(
        self,
        rows: Sequence[Mapping[str, Any]],
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[list[int]],
    ) -> list[Sample]:
        """Completions, which are not judged yet, as samples."""
        return [
            Sample(
                row={**row, "prompt": prompt},
                text=text_of(completion),
                ids=ids,
                finish_reason=self.ended(ids)[1],
                thinking=self.leaves_open(prompt),
            )
            for row, prompt, completion, ids in zip(rows, prompts, completions, completion_ids, strict=True)
        ]

    def _tokenize_prompts(self, prompts: list[Text]) -> tuple[list[list[int]], None, dict[str, Any]]:
        template_kwargs = cast(dict[str, Any] | None, self.chat_template_kwargs)  # TRL's config takes JSON as well
        return [prompt_ids(prompt, self._tokenizer, template_kwargs) for prompt in prompts], None, {}

    def _generate_single_turn(self, *given: Any, **more: Any) -> tuple[list[list[int]], list[list[float]] | None]:
        with without_stored_defaults(self.policy), _generating(self.policy, self.stop, self._tokenizer):
            completions, logprobs = super()._generate_single_turn(*given, **more)
        if self.stop:
            completions = [self.ended(ids)[0] for ids in completions]
            if logprobs is not None:
                logprobs = [of[: len(ids)] for of, ids in zip(logprobs, completions, strict=True)]
        return completions, logprobs

    def _generate(self, prompts: list[Text]) -> tuple[Any, ...]:
        with self.timed("sampling"):
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
        """A completion up to the token that ends it, and the finish reason."""
        return ended(ids, self.eos_token_ids, self.stop, self._tokenizer)

    def leaves_open(self, prompt: Text) -> bool:
        """Whether a prompt ends with the opening of a thought, as the policy reads it."""
        template_kwargs: Any = self.chat_template_kwargs
        return leaves_open(render(prompt, self._tokenizer, template_kwargs).text)

    def _record_ends(self, completions: Sequence[list[int]]) -> None:
        """Correct TRL's metrics about truncated completions."""
        device = self.accelerator.device
        everywhere = self.gathered(torch.tensor([len(ids) for ids in completions], device=device))
        cut = self.gathered(torch.tensor([self.ended(ids)[1] == "length" for ids in completions], device=device))
        whole = everywhere[~cut].float() if (~cut).any() else torch.zeros(1)
        metrics = self._metrics["train" if self.is_training else "eval"]
        metrics["completions/clipped_ratio"][-1] = cut.float().mean().item()
        for name in ("mean", "min", "max"):
            metrics[f"completions/{name}_terminated_length"][-1] = getattr(whole, name)().item()


@contextmanager
def _generating(policy: Model, stop: Sequence[str], tokenizer: Tokenizer) -> Iterator[None]:
    """Within this context, the model's `generate` runs what prompts share once, and stops at the given strings."""
    model = cast(Generates, policy)
    plain, own = model.generate, vars(model).get("generate")

    def generate(
        *, input_ids: Tensor, attention_mask: Tensor, generation_config: GenerationConfig, **images: Any
    ) -> Tensor:
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask, **images}
        if not images and generation_config.cache_implementation is None:
            inputs = prefilled(policy, input_ids, attention_mask, pad_id(tokenizer))
            inputs["custom_generate"] = decoding(policy)
        start = inputs["input_ids"].shape[1]
        criteria = StoppingCriteriaList([StopStrings(stop, tokenizer, start)] if stop else [])
        out_BS = plain(**inputs, generation_config=generation_config, stopping_criteria=criteria)
        return torch.cat([input_ids, out_BS[:, start:]], dim=1)

    model.generate = generate
    try:
        yield
    finally:
        if own is None:
            del model.generate
        else:
            model.generate = own
