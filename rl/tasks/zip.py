"""The embedded task `zip`: `101&011` → `>01&11:10>1&1:1001>100111`, two strings of bits interleaved a bit at a time.

The task of RL-STaR (Chang et al. 2024, arXiv:2410.23912): with strings of N bits a chain has N steps, and each step is
from one of M = 4^N states to one of M states, each of which is a token. The demonstrator takes the right next state
with probability 1/M + `delta` and each other one with (1 - 1/M - `delta`) / (M - 1); `rl/analysis/rl_star.py` has what
STaR makes of that. The theory is about a policy that sees the state before alone. Such a policy has
`policy.attention: current_token`, and its warm start learns single steps, as the authors' does. A policy that sees the
whole chain is another thing: it can learn the last state from the first one, whatever lies between.

There are no more than M problems, and the theory is about a policy that is trained on all of them. So each split holds
all of them, and an evaluation says how accurate sampled chains are, not how well anything is generalised.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any, Literal

from rl.tasks.task import SPLITS, Task
from verifiers.runtime.verifier import Verifier
from verifiers.zip import gold_prediction, successor

Demonstrated = Literal["steps", "chains"]


def build(bits: int, delta: Sequence[float], demonstrate: Demonstrated, seed: int) -> Task:
    """The task, whose splits have the same problems in different orders.

    Args:
        bits: N, the length of the two strings.
        delta: how much better than chance each of the N steps of the demonstrator is.
        demonstrate: whether a demonstration is one step, which begins at any state, or a chain of N.
        seed: of the order of the problems.
    """
    digits = ["".join(bit) for bit in itertools.product("01", repeat=bits)]
    levels = [[f"{left}&{right}" for left in digits for right in digits]]
    for _ in range(bits):
        levels.append([_after(state) for state in levels[-1]])

    def step(rng: random.Random, level: int, state: str) -> str:
        right, states = _after(state), levels[level + 1]
        if rng.random() < 1 / len(states) + delta[level]:
            return right
        while (other := rng.choice(states)) == right:
            pass
        return other

    def one_step(rng: random.Random) -> tuple[str, str]:
        level = rng.randrange(bits + 1)
        state = rng.choice(levels[level])
        shown = state if level == 0 else f">{state}"
        return shown, "" if level == bits else f">{step(rng, level, state)}"

    def chain(rng: random.Random) -> tuple[str, str]:
        prompt = rng.choice(levels[0])
        return prompt, _written(rng, prompt)

    def _written(rng: random.Random, prompt: str) -> str:
        states, state = [], prompt
        for level in range(bits):
            state = step(rng, level, state)
            states.append(f">{state}")
        return "".join(states)

    return Task(
        name="zip",
        splits={split: _rows(levels[0], f"zip {seed} {split}") for split in SPLITS},
        verifier=Verifier("zip"),
        vocabulary=(*levels[0], *(f">{state}" for level in levels[1:] for state in level)),
        demonstrate=one_step if demonstrate == "steps" else chain,
        solve=lambda row: solve(row["prompt"]),
        demonstrate_on=lambda row, rng: _written(rng, row["prompt"]),
    )


def solve(prompt: str) -> str:
    """The chain in which every state is right.

    Args:
        prompt: the first state, such as `101&011`.
    """
    return gold_prediction("", prompt=prompt)


def _after(state: str) -> str:
    after = successor(state)
    assert after is not None, f"{state} is the last of its chain"
    return after


def _rows(prompts: Sequence[str], order: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"prompt": prompt, "gold": solve(prompt).rpartition(">")[2]} for prompt in prompts]
    random.Random(order).shuffle(rows)
    return rows
