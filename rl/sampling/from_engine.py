"""What TRL's trainer asks for completions when an engine generates: its `vllm_generation`.

TRL 1.16 makes an object of its own for vLLM, which sends weights by NCCL alone and merges adapters in their own dtype.
This one has the same two methods, and passes them on to the engine that also serves rounds and evaluations.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from typing import Any

from rewards.models.generate import SamplingParameters
from rewards.models.types import Model
from rl.sampling.vllm import VllmEngine


class FromEngine:
    """Completions of the current policy for TRL's trainer.

    Args:
        engine: the engine.
        policy: gives the current policy, without wrappers such as DDP.
        step: gives the number of optimizer steps so far.
        parameters: the sampling parameters, without special tokens in `stop`.
        eos_token_ids: tokens that end a completion.
        seed: decides the completions together with the step, so that a resumed run draws what it would have drawn.
    """

    def __init__(
        self,
        engine: VllmEngine,
        policy: Callable[[], Model],
        step: Callable[[], int],
        parameters: SamplingParameters,
        eos_token_ids: Sequence[int],
        seed: str,
    ) -> None:
        self.engine, self.policy, self.step, self.seed = engine, policy, step, seed
        self.parameters, self.eos_token_ids = parameters, eos_token_ids
        self.drawn: Counter[int] = Counter()

    def sync_weights(self) -> None:
        """Let the engine take the current policy; TRL calls it before it draws at a new step."""
        self.engine.update(self.policy())

    def generate(
        self,
        prompts: Sequence[list[int]],
        images: Any,
        num_generations: int,
        profiler: AbstractContextManager[Any],
    ) -> tuple[list[list[int]], list[list[int]], list[list[list[float]]], None]:
        """Draw a completion of each prompt.

        Args:
            prompts: token ids of B prompts; those of a group are equal and follow each other.
            images: not used.
            num_generations: not used: the process may hold a part of a group.
            profiler: TRL's, around the drawing.

        Returns:
            The prompts, B completions, the log-probability (nats) of each of their tokens under the distribution that
            it was drawn from, each in a list of its own, and None for TRL's ids of these tokens.
        """
        step = self.step()
        self.drawn[step] += 1  # dynamic sampling draws several times at a step
        lengths = [len(list(equal)) for _, equal in groupby(prompts)]
        count = math.gcd(*lengths)
        asked = prompts[::count]
        place = f"{self.seed}/{step}/{self.drawn[step]}"
        seeds = [random.Random(f"{place}/{row}").getrandbits(31) for row in range(len(asked))]
        with profiler:
            groups = self.engine.draw(
                asked, seeds, self.parameters, count=count, eos_token_ids=self.eos_token_ids, logprobs=True
            )
        completions = [one for group in groups for one in group]
        logprobs = [[[value] for value in one.logprobs or ()] for one in completions]
        return list(prompts), [one.ids for one in completions], logprobs, None
