"""The embedded task `zip`: `101&011` → `>01&11:10>1&1:1001>100111`, two strings of bits interleaved.

A step moves the first bit of each string to the end of the result. It is right where it follows from the state that is
written before it, so a chain can lose its way and still end in the right state (RL-STaR, Chang et al. 2024,
arXiv:2410.23912).
"""

from __future__ import annotations

import re

from verifiers.verdict import Step, Verdict, judged

JUDGES_STEPS = True
ONE_FORM = True

_STATE = re.compile(r"([01]+)&([01]+)(?::([01]+))?")
_PART = re.compile(r">[^>]*|^[^>]+")


def verify(prediction: str, gold: str, *, prompt: str) -> Verdict:
    """Judge a chain of states: the score is 1 where the last state is the gold one, else 0.

    Args:
        prediction: the completion, `>state>state>…`.
        gold: the last state, the interleaved bits.
        prompt: the first state, such as `101&011`.

    Returns:
        A judged verdict with a step for each state of the completion. Where the chain ends before the bits are used up,
        the end is one more step, a wrong one.
    """
    steps, before = [], prompt
    for part in _PART.finditer(prediction):
        state, wanted = part[0].removeprefix(">").strip(), successor(before)
        right = state == wanted and part[0].startswith(">")
        reason = "right" if right else "more steps than bits" if wanted is None else f"expected {wanted}"
        steps.append(Step(part.start(), part.end(), "judged", float(right), reason))
        before = state
    if not steps or successor(before) is not None:
        steps.append(Step(len(prediction), len(prediction), "judged", 0.0, "the chain ends too early"))
    last = before if len(steps) and prediction else None
    right = last == gold
    return judged(right, "right" if right else "wrong last state", extracted=last, steps=tuple(steps))


def successor(state: str) -> str | None:
    """The state that follows: the first bit of each string moved to the result; None after the last one.

    Args:
        state: such as `101&011`, `01&11:10`, or `100111`, which is the last of its chain.
    """
    match = _STATE.fullmatch(state)
    if match is None or len(match[1]) != len(match[2]):
        return None
    left, right, done = match[1], match[2], (match[3] or "") + match[1][0] + match[2][0]
    return f"{left[1:]}&{right[1:]}:{done}" if len(left) > 1 else done


def gold_prediction(gold: str, *, prompt: str) -> str:
    """A completion with every state right.

    Args:
        gold: the last state.
        prompt: the first state.
    """
    states, state = [], successor(prompt)
    while state is not None:
        states.append(state)
        state = successor(state)
    return "".join(f">{state}" for state in states) or f">{gold}"
