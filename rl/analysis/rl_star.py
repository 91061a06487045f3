r"""RL-STaR: how STaR's accuracy moves from round to round, in closed form and by exact enumeration.

Chang et al. 2024, arXiv:2410.23912. A chain has N steps, each from one of M states to one of M states. A policy takes
the right next state with probability $\alpha = (1 + (M-1) \delta)/M$ and each other one with $\beta = (1 - \delta)/M$,
so $\delta = \alpha - \beta$ is 0 for a policy that guesses and 1 for one that is always right. A round of STaR samples
chains at temperature 1, keeps those whose last state is right, whatever lies between, and fits the policy to them.

For N = 3 and a policy that is equally good at each step, the probability that the last state is right and the next
policy are

$$ J = \alpha^3 + 3 (M-1) \alpha \beta^2 + (M-1)(M-2) \beta^3, \quad
\delta' = ((M-2) \delta^3 + \delta^2 + \delta) / ((M-1) \delta^3 + 1) $$

`curve` has both for any N, which follows from the powers of the transition matrix, $P^n = \delta^n I + (1 - \delta^n)
\mathbf{1} / M$:

$$ J = (1 + (M-1) \delta^N)/M, \quad
\delta' = (\delta + \delta^{N-1} + (M-2) \delta^N) / (1 + (M-1) \delta^N) $$

`enumerate_rounds` sums over all chains instead, for any policy that sees the previous state alone, and so also for
steps that are not equally good. It shows what a condition such as "each step must be better than chance" misses: with
N = 3, STaR recovers from one step that guesses, but not from two.

Both hold in expectation and at temperature 1. A sharper temperature converges sooner and is not comparable. With few
kept chains per state the fit learns its own noise, and answers drift up while chains stay wrong
(`rl/analysis/diagnostics/wrong_chains.py` warns of it).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Round(NamedTuple):
    """The accuracy of a policy whose chains are sampled.

    Attributes:
        right: probability that the last state is right, J.
        chain: of these chains, the share whose every state is right.
    """

    right: float
    chain: float


def curve(delta: float, states: int, rounds: int, steps: int = 3) -> list[Round]:
    """The accuracy of each round in closed form, for steps that are equally good.

    Args:
        delta: δ of the first policy, in [0, 1].
        states: M, at least 2.
        rounds: number of rounds, the first policy's own included.
        steps: N, at least 2.

    Raises:
        ValueError: a number is out of its range.
    """
    if not 0 <= delta <= 1 or states < 2 or steps < 2:
        raise ValueError(f"expected δ in [0, 1], M and N of 2 or more, got {delta:g}, {states} and {steps}")
    found = []
    for _ in range(rounds):
        right = (1 + (states - 1) * delta**steps) / states
        alpha = (1 + (states - 1) * delta) / states
        found.append(Round(right, alpha**steps / right))
        delta = (delta + delta ** (steps - 1) + (states - 2) * delta**steps) / (states * right)
    return found


def theory_delta(delta: float, states: int) -> float:
    """The theory's δ of a policy that is right with probability 1/M + `delta`, as the authors' generator has it.

    Args:
        delta: how much better than chance it is, in [0, 1 - 1/M].
        states: M.
    """
    return delta * states / (states - 1)


def informed(deltas: Sequence[float], states: int) -> np.ndarray:
    """The transition probabilities of a policy, (N, M, M), in which the right next state has the state's own number.

    Args:
        deltas: δ of each of N steps.
        states: M.
    """
    return np.stack([delta * np.eye(states) + (1 - delta) / states for delta in deltas])


def enumerate_rounds(policy: np.ndarray, rounds: int) -> list[Round]:
    """The accuracy of each round by summing over all chains, which is exact.

    Args:
        policy: (N, M, M), the probability of each next state, where the right one has the state's own number. First
            states are equally likely.
        rounds: number of rounds, the first policy's own included.
    """
    found = []
    for _ in range(rounds):
        steps, states, _ = policy.shape
        right = np.trace(_product(policy)) / states
        whole = np.prod(np.diagonal(policy, axis1=1, axis2=2), axis=0).sum() / states
        found.append(Round(float(right), float(whole / right)))
        # step k of a kept chain goes from i to j with the probability of all ways round from j back to i
        kept = [policy[k] * _product(np.roll(policy, -k - 1, axis=0)[: steps - 1]).T for k in range(steps)]
        policy = np.stack([joint / joint.sum(axis=1, keepdims=True) for joint in kept])
    return found


def _product(policy: np.ndarray) -> np.ndarray:
    return np.linalg.multi_dot(list(policy)) if len(policy) > 1 else policy[0]
