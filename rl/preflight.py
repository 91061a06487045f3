"""`whetstone preflight`: draws some completions and says what will decide a training, and what to change next."""

from __future__ import annotations

import time

import torch

from rewards.models.prompts import prompt_ids
from rewards.models.state import default_device, move
from rewards.models.types import Model
from rl import setup, tasks
from rl.analysis.preflight import show
from rl.analysis.preflight.cost import cost
from rl.analysis.preflight.draws import draw
from rl.analysis.preflight.findings import LEARNS, Findings, findings
from rl.analysis.preflight.verdict import Verdict, verdict
from rl.config import Config
from rl.errors import UserError
from rl.policy.load import Policy
from rl.progress import completions_bar
from rl.rounds.draws import first_sampler
from rl.runs import plan
from rl.runs.memory import GIB, memory, model_size, prompt_tokens
from rl.tasks.task import Split, Task
from rl.terminal import Terminal

PASSES = 8
"""Sequences whose forward pass is timed."""


def preflight(config: Config, completions: int) -> tuple[Findings, Verdict]:
    """Draw, judge, and print findings and verdict.

    Args:
        config: a checked config.
        completions: how many to draw, in whole groups.

    Raises:
        UserError: the algorithm samples nothing, or the task, the policy or a reward cannot be loaded.
        RewardBroken: a reward hung twice.
    """
    if not config.algorithm.samples:
        raise UserError(
            "algorithm.prompts", "is 0: this run fits on given examples alone, and draws nothing to look at"
        )
    console = Terminal(soft_wrap=True)
    setup.quiet(config)
    task = tasks.load(config)
    mix, policy = setup.rewards_and_policy(config, task, console, ["train"])
    mix.error_budget = 1.0  # what fails is a finding here
    move(policy.model, default_device())
    sampler = _sampler(config, policy, task)
    problems = -(-completions // config.sampling.completions)
    with completions_bar(console, "preflight", problems * (config.sampling.completions + 1)) as progress:
        drawn = draw(config, task, policy, mix, completions, progress, sampler)
    found = findings(drawn.groups, drawn.greedy, LEARNS.get(config.algorithm.name, "from groups"))
    steps, size = plan.optimizer_steps(config, task), model_size(config, task)
    each = drawn.seconds / sum(len(group) for group in drawn.groups)
    prompt = prompt_ids(task.splits["train"][0]["prompt"], policy.tokenizer, config.sampling.chat_template_kwargs)
    passing = pass_seconds(policy, len(prompt) + round(found.tokens))
    sizes: dict[Split, int] = {split: len(rows) for split, rows in task.splits.items()}
    to_come = None if steps is None else cost(config, steps, found.tokens, each, passing, sizes)
    needs = None if size is None else sum(memory(config, size, prompt_tokens(config, task)).values())
    console.print(show.table(config.name, found, to_come, needs and needs / GIB))
    judged = verdict(found, error_budget=config.mix.error_budget)
    show.said(console, judged)
    return found, judged


def _sampler(config: Config, policy: Policy, task: Task) -> Model:
    """The model that samples the first round, where it runs: `algorithm.first_sampler`, otherwise the policy.

    Raises:
        UserError: as in `first_sampler`.
    """
    if getattr(config.algorithm, "first_sampler", None) is None:
        return policy.model
    model = first_sampler(config, policy, task)
    move(model, default_device())
    return model


def pass_seconds(policy: Policy, tokens: int) -> float:
    """Seconds of a forward pass over a sequence, in a batch of `PASSES`.

    Args:
        policy: the policy, where it runs.
        tokens: length of the sequence.
    """
    ids = torch.zeros(PASSES, tokens, dtype=torch.long, device=next(policy.model.parameters()).device)
    with torch.no_grad():
        policy.model(input_ids=ids)  # the first pass prepares what the others use
        started = time.perf_counter()
        policy.model(input_ids=ids).logits.sum().item()
    return (time.perf_counter() - started) / PASSES
