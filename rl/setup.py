"""Loads what a run or an evaluation needs: a quiet terminal, the rewards, the policy."""

from __future__ import annotations

import logging
import netrc
import os
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace

import datasets
import torch
import transformers
from accelerate import PartialState
from rich.console import Console
from transformers import PreTrainedTokenizerBase

from rewards.building.build import build as build_rewards
from rewards.mixing.mix import Mix
from rewards.models.stopping import strings_and_tokens
from rewards.models.types import Source
from rewards.parts.context import Context
from rl.config import Config
from rl.config.algorithms import Quark
from rl.errors import UserError
from rl.examples.hints import after_examples, with_hint
from rl.policy import load as policies
from rl.policy import warm_start
from rl.policy.chat import check_chat
from rl.policy.control import new_control
from rl.policy.load import Policy
from rl.policy.positions import Part, check_positions, check_rows
from rl.policy.teachers import base
from rl.progress import warm_up_bar
from rl.sampling.vllm import need_vllm
from rl.tasks.task import SPLITS, Split, Task, refuse_missing_columns
from verifiers.runtime.golds import first_gold
from verifiers.runtime.verifier import Verifier

_log = logging.getLogger(__name__)


def quiet(config: Config) -> None:
    """Turn off other libraries' progress bars and warnings, and prevent W&B from asking questions."""
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers|trl|peft|vllm")
    warnings.filterwarnings("ignore", message="TRL currently supports vLLM")  # ours is not TRL's (rl/sampling/vllm.py)
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    os.environ.setdefault("WANDB_SILENT", "true")
    os.environ["WANDB_PROJECT"] = config.logging.project
    os.environ["WANDB_DIR"] = str(config.run_folder)
    if config.logging.wandb != "auto":
        os.environ["WANDB_MODE"] = config.logging.wandb
    elif "WANDB_MODE" not in os.environ:
        os.environ["WANDB_MODE"] = "online" if _wandb_key_is_there() else "offline"


def rewards(config: Config, task: Task, policy: Source | None = None, base: Source | None = None) -> Mix:
    """Make the rewards, and check that the data has every column they need.

    Args:
        config: a checked config.
        task: the loaded task.
        policy: returns the current policy and its tokenizer, for rewards that use the policy itself.
        base: gives the policy as the run began with it, likewise.

    Raises:
        UserError: a function, verifier or option does not exist, or a column is missing.
    """
    settings = {name: reward.model_dump() for name, reward in config.rewards.items()}
    try:
        context = Context(
            task.verifier,
            policy,
            task.splits["train"],
            cache=warm_start.cache_folder() / "rewards",
            run=config.run_folder,
            template_kwargs=config.sampling.chat_template_kwargs,
            base=base,
        )
        mix = build_rewards(settings, context, config.mix.model_dump())
    except ValueError as error:
        name, _, what = str(error).partition(": ")
        where = "mix" if name == "mix" and name not in config.rewards else f"rewards.{name}"
        raise UserError(where, what) from error
    for reward in mix.rewards:
        refuse_missing_columns(reward.name, reward.columns, task.first)
        verifier = getattr(reward, "verifier", None) if reward.columns else None
        own = verifier if isinstance(verifier, Verifier) and verifier is not task.verifier else None
        if own is not None and (notice := own.set_by([task.first])) is not None:
            _log.warning("reward %r: %s", reward.name, notice)
    return mix


def meet(mix: Mix) -> None:
    """Let the rewards check what needs the policy, once it is loaded.

    Raises:
        UserError: a reward does not go with it.
    """
    for reward in mix.rewards:
        try:
            reward.meet_policy()
        except ValueError as error:
            raise UserError(f"rewards.{reward.name}", str(error)) from error


def policy(config: Config, task: Task, console: Console) -> Policy:
    """Load the policy. The embedded one is first warmed up by one process, while the others wait.

    Args:
        config: a checked config.
        task: the task; the embedded policy is warmed up on it.
        console: the console for notes about what was missing.

    Raises:
        UserError: the policy cannot be loaded, or the engine that generates is not installed.
    """
    if config.sampling.engine == "vllm":
        need_vllm(f"sampling.engine={config.sampling.engine}")
    path = config.policy.model
    if path == "embedded":
        settings = config.policy.warm_start
        if settings.seed is None:
            settings = settings.model_copy(update={"seed": config.seed})
        state = PartialState()
        alone = state.main_process_first() if state.num_processes > 1 else nullcontext()
        with alone, warm_up_bar(console, settings.steps) as report:
            path = warm_start.warm_started(task, settings, report)
    loaded = policies.load(config.policy, path, chat=task.chat)
    if isinstance(config.algorithm, Quark):
        control = new_control(config.algorithm.control, loaded.model, loaded.tokenizer, config.seed)
        loaded = replace(loaded, control=control)
    check_stops(config, loaded.tokenizer)
    for note in [*loaded.notes, *check_chat(config, task, loaded.tokenizer)]:
        console.print(f"policy: {note}", highlight=False)
    return loaded


def check_stops(config: Config, tokenizer: PreTrainedTokenizerBase) -> None:
    """Check that each stop is a string without special tokens, or a special token.

    Args:
        config: a checked config.
        tokenizer: the policy's tokenizer.

    Raises:
        UserError: one is not.
    """
    for key, stop in (("sampling.stop", config.sampling.stop), ("evaluation.stop", config.evaluation.stop or [])):
        try:
            strings_and_tokens(stop, tokenizer)
        except ValueError as error:
            raise UserError(key, str(error)) from None


def rewards_and_policy(
    config: Config, task: Task, console: Console, splits: Sequence[Split] = SPLITS
) -> tuple[Mix, Policy]:
    """Make the rewards, load the policy, and check that they and the prompts go together.

    The rewards are made first, because they are checked quickly and some use the policy only later.

    Args:
        config: a checked config.
        task: the loaded task.
        console: the console for notes and warnings.
        splits: the splits whose prompts are checked.

    Raises:
        UserError: as in `rewards`, `policy`, `meet` and `check_positions`.
    """
    loaded: list[Policy] = []
    mix = rewards(config, task, lambda: (loaded[0].model, loaded[0].tokenizer), lambda: base(config, loaded[0]))
    loaded.append(policy(config, task, console))
    meet(mix)
    check_positions(config, task, loaded[0], console, splits)
    check_rows(lengthened(config, task), loaded[0], console)
    return mix, loaded[0]


def lengthened(config: Config, task: Task) -> list[Part]:
    """The train prompts as rounds show them with a hint or after worked examples; nothing if the config has neither.

    Args:
        config: a checked config.
        task: the loaded task.
    """
    few_shot, hints = (getattr(config.algorithm, name, None) for name in ("few_shot", "hints"))
    rows = task.splits["train"]
    shown = {} if few_shot is None else {"train": rows}
    if hints is not None:
        shown["hinted train"] = [
            {**row, "prompt": with_hint(row["prompt"], first_gold(row["gold"]), hints.template)} for row in rows
        ]
    if few_shot is not None:
        shown = {
            split: [{**row, "prompt": after_examples(row["prompt"], few_shot.text)} for row in of]
            for split, of in shown.items()
        }
    return [(split, of, config.sampling.parameters) for split, of in shown.items()]


def device_name() -> str:
    """The name of the device, for the summary."""
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


def _wandb_key_is_there() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False
