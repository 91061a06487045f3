"""Shrinks a config so that it runs in seconds: the same algorithm, rewards and stages, with little of everything.

A random policy gets nothing right, so two things change: a reward is added that differs between completions
(`rl/smoke/signal.py`), and an algorithm that imitates only right completions imitates all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rl.config import Config
from rl.config.generation_cycle import GenerationCycle
from rl.config.named import OF_THE_RUN
from rl.tasks.sources import name_and_split

SIGNAL = "rl.smoke.signal:signal"
CYCLES = 4
"""Generation cycles of an online run, or optimizer steps of a fit."""
NEEDS_A_GPU = ("bf16", "fp16", "tf32", "deepspeed", "fsdp", "fsdp_config", "use_liger_kernel", "generation_batch_size")
"""Arguments of the trainer that are left out."""
MADE_HERE = ("task", "demonstrator")
"""Sources of examples that are not files."""


@dataclass(frozen=True)
class StandIns:
    """Replacements for what is large or not on this machine.

    Attributes:
        folder: the folder for the runs.
        policy: a tiny model in place of the policy and of teachers.
        process: a tiny model with a value for each token, in place of a process reward model.
        data: split → a file of made-up rows, in place of the task's data; None to keep it.
        moved: policy of an earlier stage → where the smaller run leaves it.
    """

    folder: str
    policy: str
    process: str
    data: Mapping[str, str] | None = None
    moved: Mapping[str, str] = field(default_factory=dict)


def is_here(source: str) -> bool:
    """Whether a source of rows is a file or folder on this machine."""
    return any(Path(name).expanduser().exists() for name in (source, name_and_split(source)[0]))


def shrink(config: Config, with_: StandIns) -> Config:
    """The config at its smallest.

    Args:
        config: a checked config.
        with_: the replacements for models and data.
    """
    values = config.model_dump(mode="json", by_alias=True)
    for part in (_task, _policy, _sampling, _rewards, _algorithm, _evaluation):
        part(values, with_)
    values["logging"] |= {"folder": with_.folder, "wandb": "disabled", "report_to": [], "completions_every": 1}
    values["trainer"] = {name: value for name, value in values["trainer"].items() if name not in NEEDS_A_GPU}
    values["trainer"] = {name: value for name, value in values["trainer"].items() if not name.startswith("vllm_")}
    (_fit if config.algorithm.in_rounds else _online)(values)
    return Config.model_validate(values)


def replaced(config: Config) -> list[str]:
    """A line for the reader about each part of a config that `shrink` replaces.

    Args:
        config: a checked config.
    """
    found = [
        f"rewards.{name} ({reward.model or 'a model at a server'}): replaced by a number that means nothing"
        for name, reward in config.rewards.items()
        if _asks_a_model(name, reward.model_dump()) and (reward.kind or name) != "process"
    ]
    if config.sampling.engine != "transformers":
        found.append(f"sampling.engine {config.sampling.engine}: transformers generates here")
    return found


def _smaller(section: dict[str, Any], **most: int) -> None:
    """Lower numbers that are set in a section."""
    for name, limit in most.items():
        if section.get(name) is not None:
            section[name] = min(section[name], limit)


def _task(values: dict[str, Any], with_: StandIns) -> None:
    if "sizes" in values["task"]:
        _smaller(values["task"]["sizes"], train=64, validation=16, test=16)
    if with_.data is not None:
        values["task"] |= {"data": dict(with_.data), "split_column": None, "choices_from": None}


def _policy(values: dict[str, Any], with_: StandIns) -> None:
    policy = values["policy"]
    if policy["model"] != "embedded":
        policy["model"] = with_.moved.get(policy["model"], with_.policy)
    policy |= {"revision": None, "dtype": "float32", "attention": None, "quantize": None}
    if policy["lora"]:
        _smaller(policy["lora"], r=4)
    _smaller(policy["warm_start"], steps=100, batch=32, hidden=32, layers=1, heads=2)


def _sampling(values: dict[str, Any], with_: StandIns) -> None:
    _smaller(values["sampling"], completions=4, max_tokens=16)
    values["sampling"] |= {"engine": "transformers", "server": None}


def _asks_a_model(name: str, reward: Mapping[str, Any]) -> bool:
    if reward["function"] is not None:
        return False
    kind = reward["kind"] or name
    return kind == "judge" or reward["model"] not in (None, *OF_THE_RUN) or "baseline" in reward["options"]


def _rewards(values: dict[str, Any], with_: StandIns) -> None:
    for name, reward in values["rewards"].items():
        if reward["model"] in with_.moved:
            reward["model"] = with_.moved[reward["model"]]
        elif _asks_a_model(name, reward) and (reward["kind"] or name) == "process":
            reward["model"] = with_.process
        elif _asks_a_model(name, reward):
            none = dict.fromkeys(("kind", "verifier", "model", "credit"))
            reward |= {**none, "function": SIGNAL, "options": {}}
        if reward["kind"] == "self_feedback" or name == "self_feedback":
            _smaller(reward["options"], rows=8, max_tokens=8)
            reward["options"]["normalise"] = False  # all rationales are worth the same to a random policy
    if values["rewards"] and values["mix"]["aggregation"] in ("sum", "normalise_then_sum"):
        values["rewards"]["smoke_signal"] = {"function": SIGNAL, "weight": 1.0}


def _algorithm(values: dict[str, Any], with_: StandIns) -> None:
    algorithm = values["algorithm"]
    _smaller(algorithm, rounds=2, prompts=8)
    if critic := algorithm.get("critic"):
        _smaller(critic, epochs=2, batch=8, warm_up_cycles=1)
        if critic["start"] != "policy":
            critic["start"] = with_.moved.get(critic["start"], with_.process)
    if algorithm.get("dynamic_sampling"):
        _smaller(algorithm["dynamic_sampling"], draws=2)
    for teacher in algorithm.get("teacher") or []:
        if teacher["model"] not in OF_THE_RUN:
            teacher["model"] = with_.moved.get(teacher["model"], with_.policy)
            teacher["revision"] = None
    if algorithm.get("first_sampler"):
        algorithm["first_sampler"] = with_.moved.get(algorithm["first_sampler"], with_.policy)
    if (process := algorithm.get("process")) and process["start"] != "sampler":
        own = "sampler" if values["policy"]["model"] == "embedded" else with_.policy
        process["start"] = with_.moved.get(process["start"], own)
    if control := algorithm.get("control"):  # the other rewards may abstain from everything that a random policy writes
        known = [name for name, reward in values["rewards"].items() if reward.get("function") == SIGNAL]
        control |= {"tokens": known, "cuts": {}}
    if algorithm["name"] == "sft" and algorithm["prompts"]:
        algorithm["keep"] = None
    if examples := algorithm.get("examples"):
        for source in examples["data"].values():
            source["rows"] = min(source["rows"] or 32, 32)
            if source["data"] not in MADE_HERE and not is_here(source["data"]) and with_.data is not None:
                source["data"] = with_.data["train"]


def _evaluation(values: dict[str, Any], with_: StandIns) -> None:
    _smaller(values["evaluation"], n=8, k=2, validation_n=8, batch=16, max_tokens=16)
    if statements := values["evaluation"]["statements"]:
        _smaller(statements, k=2)
        if statements["model"] is not None:
            statements["model"] = with_.moved.get(statements["model"], with_.policy)


def _online(values: dict[str, Any]) -> None:
    trainer, completions = values["trainer"], values["sampling"]["completions"]
    accumulated = min(trainer.get("gradient_accumulation_steps", 1), 2)
    per_generation = min(trainer.get("steps_per_generation") or accumulated, 2)
    _smaller(trainer, num_iterations=2)
    trainer |= {
        "per_device_train_batch_size": 2 * completions,
        "gradient_accumulation_steps": accumulated,
        "steps_per_generation": max(per_generation, accumulated),
    }
    cycle = GenerationCycle.of(Config.model_validate(values)).optimizer_steps
    trainer |= {"max_steps": CYCLES * cycle, "save_steps": cycle, "logging_steps": 1}
    if values["evaluation"]["every"]:
        values["evaluation"]["every"] = 2 * cycle


def _fit(values: dict[str, Any]) -> None:
    trainer, examples = values["trainer"], values["algorithm"].get("examples") or {}
    trainer |= {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 1, "save_steps": 1, "logging_steps": 1}
    trainer.pop("num_train_epochs", None)
    if not examples.get("fade"):
        trainer["max_steps"] = CYCLES
