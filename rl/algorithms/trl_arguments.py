"""The arguments of TRL's config classes and trainers.

Some of our defaults differ from TRL's. A run logs a line at every step and does not show the Trainer's progress bar,
because people watch it. Other defaults depend on the machine: without an accelerator a run uses the CPU, where several
processes can then find each other, and bfloat16 is used only on a GPU that supports it.
"""

from __future__ import annotations

import copy
import functools
import traceback
from collections.abc import Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import torch
from accelerate import PartialState
from datasets import Dataset
from transformers import Trainer, TrainerCallback
from trl.trainer.grpo_config import GRPOConfig

from rl.algorithms.fit import Fit
from rl.config import Config
from rl.config.generation_cycle import GenerationCycle
from rl.context import RunContext
from rl.errors import UserError
from rl.sampling.draw import parameters_of
from rl.storage.run_folder import RunFolder

Arguments = TypeVar("Arguments")


def online_arguments(run: RunContext, callbacks: Sequence[TrainerCallback]) -> dict[str, Any]:
    """Keyword arguments of `OnlineTrainer` for a run, without settings, rewards and verifier.

    Args:
        run: the run, with its policy loaded.
        callbacks: the trainer's callbacks.

    Raises:
        UserError: TRL rejects an argument in `trainer:`.
    """
    return {
        "model": run.policy.model,
        "args": made(GRPOConfig, grpo_config_arguments(run.config, run.folder)),
        "train_dataset": as_given(run.task.splits["train"]),
        "processing_class": run.policy.tokenizer,
        "peft_config": run.policy.lora,
        "callbacks": list(callbacks),
        "stop": run.config.sampling.stop,
        "engine": run.engine,
        "parameters": parameters_of(run.config.sampling.parameters),
    }


def as_given(rows: Sequence[Mapping[str, Any]]) -> Dataset:
    """A data set with exactly these rows.

    The table behind a data set would give each message of a chat, and each object in a column, the keys that any of
    them has, with None where one has it not, and would make whole numbers beside others fractions. A chat template or
    a reward could then read other rows in training than in evaluation.

    Args:
        rows: the rows, which all have the same columns.
    """
    return Dataset.from_dict({"row": range(len(rows))}).with_transform(functools.partial(_rows_at, rows=rows))


def _rows_at(places: Mapping[str, Sequence[int]], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Copies of the rows at some places, column by column."""
    return {name: [copy.deepcopy(rows[place][name]) for place in places["row"]] for name in rows[0]}


def grpo_config_arguments(config: Config, folder: RunFolder) -> dict[str, Any]:
    """Arguments of `GRPOConfig`: our defaults, then `trainer:`, then what other sections of the config set.

    Checkpoints are written at the end of generation cycles.

    Args:
        config: a checked config.
        folder: where checkpoints go.
    """
    cycle = GenerationCycle.of(config).optimizer_steps
    defaults: dict[str, Any] = {
        **_defaults(config),
        # GDPO normalises rewards within their group, so only the scale of the batch is left
        "scale_rewards": "batch" if config.mix.aggregation == "normalise_then_sum" else "group",
        "save_steps": -(-500 // cycle) * cycle,
        "vllm_importance_sampling_mode": "token_truncate",
        "ddp_broadcast_buffers": False,  # broadcasts would require equally many passes on every process
    }
    ours = {
        "output_dir": str(folder.staging),
        "seed": config.seed,
        "run_name": config.name,
        "report_to": [],  # rl/runs/trackers.py reports instead
        "num_generations": config.sampling.completions,
        "max_completion_length": config.sampling.max_tokens,
        "temperature": config.sampling.temperature,
        "top_p": config.sampling.top_p,
        "top_k": config.sampling.top_k,
        "min_p": config.sampling.min_p,
        "repetition_penalty": config.sampling.repetition_penalty,
        "chat_template_kwargs": config.sampling.chat_template_kwargs,
        "use_vllm": False,  # TRL's own engine; ours is rl/sampling/from_engine.py
    }
    return {**defaults, **config.trainer, **ours}


def fit_arguments(
    kind: type[Arguments], fit: Fit, lengths: Sequence[int], prompts: Sequence[int], **own: Any
) -> Arguments:
    """TRL's arguments for the fit of a round.

    TRL truncates to 1,024 tokens by default; here nothing is truncated unless `trainer.max_length` is set, and then a
    warning gives the number of truncated examples, and of those whose completions are cut off altogether.

    Args:
        kind: TRL's config class.
        fit: the fit.
        lengths: tokens of each example, prompt and completion together.
        prompts: tokens of each example's prompt.
        own: what the algorithm sets itself.

    Raises:
        UserError: TRL refuses the arguments, or `trainer.max_length` leaves no token of any completion.
    """
    settings = fit.trainer
    defaults = {**_defaults(fit.config), "max_length": None}
    ours = {"output_dir": str(fit.folder), "seed": fit.seed, "report_to": [], **own}
    limit, longest = settings.get("max_length"), max(lengths)
    if limit is not None and longest > limit:
        emptied = sum(not leaves_a_completion(prompt, settings) for prompt in prompts)
        if emptied == len(prompts):
            what = f"{limit} leaves no token of any completion: the shortest prompt has {min(prompts):,}"
            raise UserError("trainer.max_length", f"{what}; raise it, or leave it out to fit on everything")
        cut = sum(length > limit for length in lengths)
        nothing = f", and leaves nothing of the completions of {emptied:,}" if emptied else ""
        fit.warn(
            f"trainer.max_length={limit} cuts {cut:,} of {len(lengths):,} examples, the longest of which has "
            f"{longest:,} tokens{nothing}; leave it out to fit on everything that was sampled"
        )
    return made(kind, {**defaults, **settings, **ours})


def leaves_a_completion(prompt: int, settings: Mapping[str, Any]) -> bool:
    """Whether `trainer.max_length` leaves a token of an example's completion.

    Args:
        prompt: tokens of its prompt.
        settings: the config's `trainer` section.
    """
    limit = settings.get("max_length")
    return limit is None or prompt < limit or settings.get("truncation_mode") == "keep_end"


def drop_incomplete_batches(trainer: Trainer, fit: Fit) -> None:
    """Let a fit drop an incomplete last batch, as TRL's online trainers do, unless it is the only one.

    TRL may have packed several examples into one, or left some out, so only the trainer knows how many there are.

    Args:
        trainer: the trainer of the fit.
        fit: the fit, whose `trainer` section may have `dataloader_drop_last`.

    Raises:
        UserError: that argument would leave no batch.
    """
    batch = trainer.args.per_device_train_batch_size * PartialState().num_processes
    rows = len(cast(Sized, trainer.train_dataset))
    asked = fit.trainer.get("dataloader_drop_last")
    if asked and rows < batch:
        what = f"{rows:,} sequences to fit on are fewer than a batch of {batch:,}, so no step would be taken"
        raise UserError("trainer.dataloader_drop_last", f"{what}; leave it out, or make the batch smaller")
    trainer.args.dataloader_drop_last = rows >= batch if asked is None else asked


def made(kind: type[Arguments], arguments: dict[str, Any]) -> Arguments:
    """An instance of TRL's config class.

    Args:
        kind: the class.
        arguments: its arguments by name.

    Raises:
        UserError: the class refuses them.
    """
    try:
        return kind(**arguments)
    except (ValueError, TypeError) as error:
        raise _refusal(arguments, error) from error


@contextmanager
def refusals_named(settings: Mapping[str, Any]) -> Iterator[None]:
    """Turn an error of TRL, or of a library that it uses, while a trainer is made into one line with its key.

    Args:
        settings: the config's `trainer` section.

    Raises:
        UserError: one of them raised an error. Errors of our own code pass unchanged.
    """
    try:
        yield
    except (ValueError, TypeError, ImportError, NotImplementedError) as error:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        if frames[-1].f_globals.get("__name__", "").partition(".")[0] not in LIBRARIES:
            raise
        raise _refusal(settings, error) from error


LIBRARIES = ("trl", "transformers", "peft", "accelerate")


def _refusal(settings: Mapping[str, Any], error: Exception) -> UserError:
    """The error, with the longest of the given keys that it mentions in any spelling."""
    said = str(error).strip().splitlines()[0]
    plain = said.lower().replace("_", "")
    mentioned = [name for name, value in settings.items() if value is not None and name.replace("_", "") in plain]
    return UserError(".".join(["trainer", *sorted(mentioned, key=len)[-1:]]), said)


def _defaults(config: Config) -> dict[str, Any]:
    on_cpu = not torch.accelerator.is_available()
    for name in ("fp16", "activation_offloading"):  # the first would be ignored, the second stop at the first step
        if on_cpu and config.trainer.get(name):
            raise UserError(f"trainer.{name}", "needs a GPU, but there is none; leave it out to run on the CPU")
    return {
        "logging_steps": 1,
        "disable_tqdm": True,
        "dataloader_pin_memory": not on_cpu,
        "use_cpu": on_cpu,
        "bf16": not on_cpu and torch.cuda.is_bf16_supported() and "fp16" not in config.trainer,
    }
