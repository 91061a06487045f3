"""Checks of a config beyond each key's type: TRL's arguments, names that exist, and numbers that fit together."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rewards import GIVE_STEPS, GIVE_TOKENS, REWARDS
from rewards.mixing import schedule
from rl.config.algorithms import TRL_CONFIGS
from rl.config.embedded import EMBEDDED
from rl.config.generation_cycle import GenerationCycle
from rl.config.statements import check_statements, task_verifier
from rl.config.trainer_arguments import arguments, convert
from rl.config.trainer_values import check_trainer_values
from rl.config.wrong_key import WrongKey
from verifiers import VERIFIERS
from verifiers.runtime.names import nearest
from verifiers.runtime.verifier import module

if TYPE_CHECKING:
    from rl.config import Config


SET_ELSEWHERE = {
    "seed": "seed",
    "data_seed": "seed",
    "trust_remote_code": "policy.trust_remote_code",
    "chat_template_path": "policy.chat_template",
    "pad_token": "nothing: where the tokenizer has none, its end-of-text token pads",
    "eos_token": "the tokenizer: change the policy's own",
    "padding_value": "nothing: the tokenizer's pad token pads",
    "output_dir": "name and logging.folder",
    "report_to": "logging.wandb and logging.report_to",
    "run_name": "name",
    "project": "logging.project",
    "num_generations": "sampling.completions",
    "max_completion_length": "sampling.max_tokens",
    "temperature": "sampling.temperature",
    "top_p": "sampling.top_p",
    "top_k": "sampling.top_k",
    "min_p": "sampling.min_p",
    "repetition_penalty": "sampling.repetition_penalty",
    "generation_kwargs": "sampling: temperature, top_p, top_k, min_p, repetition_penalty, stop",
    "chat_template_kwargs": "sampling.chat_template_kwargs",
    "use_vllm": "sampling.engine",
    "use_transformers_paged": "sampling.engine",
    "use_transformers_continuous_batching": "sampling.engine",
    "transformers_continuous_batching_config": "sampling.engine",
    "vllm_mode": "sampling.engine",
    "vllm_server_base_url": "sampling.server",
    "vllm_server_host": "sampling.server",
    "vllm_server_port": "sampling.server",
    "reward_weights": "rewards.NAME.weight",
    "multi_objective_aggregation": "mix.aggregation",
    "model_init_kwargs": "policy",
    "eval_steps": "evaluation.every",
    "do_eval": "evaluation.every",
    "resume_from_checkpoint": "nothing: the same command resumes by itself",
}
"""TRL argument → our key that sets it, so that each thing is set in one place."""

GONE = {"max_prompt_length": "TRL has it no more, and prompts are never cut here; leave long rows out of the data"}
"""Argument of earlier versions of TRL, still in many examples, that has no close namesake → what to do instead."""


def checked_trainer(config: Config) -> dict[str, Any]:
    """`trainer:` with each argument checked against TRL's config class and converted to its type.

    Null leaves out an argument of an included file, unless it is a value of the argument. It also leaves out an
    argument that only other algorithms have, such as where an arm has another algorithm than its config.
    """
    trl_config = config.algorithm.trl_config
    valid = arguments(trl_config)
    checked = {}
    for name, value in config.trainer.items():
        if name in SET_ELSEWHERE:
            raise WrongKey(f"trainer.{name}", f"is set by {SET_ELSEWHERE[name]}")
        if name not in valid and value is None and any(name in arguments(other) for other in TRL_CONFIGS):
            continue
        if name not in valid and name in GONE:
            raise WrongKey(f"trainer.{name}", GONE[name])
        if name not in valid:
            settable = valid.keys() - SET_ELSEWHERE.keys()
            raise WrongKey(f"trainer.{name}", f"{trl_config} has no such argument; {nearest(name, settable)}")
        if value is None and not {"None", "Any"} & set(re.findall(r"\w+", valid[name])):
            continue
        try:
            checked[name] = convert(name, valid[name], value)
        except ValueError as error:
            raise WrongKey(f"trainer.{name}", str(error)) from None
    if (steps := checked.get("max_steps", -1)) < 1 and steps != -1:
        raise WrongKey(
            "trainer.max_steps",
            f"expected 1 or more optimizer steps, got {steps}; for passes over the train split leave it out and set "
            f"trainer.num_train_epochs",
        )
    check_trainer_values(config, checked)
    return checked


def check_combinations(config: Config, *, trains: bool = True) -> None:
    """Refuse a config that cannot run, before anything is loaded.

    Args:
        config: the config.
        trains: whether it is for a training; if not, its groups need not fit into batches or be compared.
    """
    if not config.rewards and config.algorithm.samples:
        raise WrongKey("rewards", "is needed and not there")
    if config.evaluation.rewards and not config.rewards:
        raise WrongKey("evaluation.rewards", "has nothing to measure without rewards; name some, or leave it out")
    for name, reward in config.rewards.items():
        if reward.kind is not None and reward.kind not in REWARDS:
            raise WrongKey(f"rewards.{name}.kind", f"{reward.kind!r} is not one; {nearest(reward.kind, REWARDS)}")
        if reward.function is None and reward.kind is None and name not in REWARDS:
            raise WrongKey(
                f"rewards.{name}",
                f"no reward has this name; {nearest(name, REWARDS)} For your own, give it a function:",
            )
        if reward.function is not None and ":" not in reward.function:
            raise WrongKey(f"rewards.{name}.function", f"expected module:function, got {reward.function!r}")
        if reward.verifier is not None and reward.verifier not in VERIFIERS:
            raise WrongKey(
                f"rewards.{name}.verifier", f"{reward.verifier!r} is not one; {nearest(reward.verifier, VERIFIERS)}"
            )
        try:
            schedule.checked(reward.weight)
        except ValueError as error:
            raise WrongKey(f"rewards.{name}.weight", str(error).removeprefix("weight: ")) from None
    if config.task.name == "dataset" and config.task.verifier not in VERIFIERS:
        raise WrongKey(
            "task.verifier", f"{config.task.verifier!r} is not one; {nearest(config.task.verifier, VERIFIERS)}"
        )
    if config.policy.model == "embedded" and config.task.name not in EMBEDDED:
        raise WrongKey("policy.model", f"embedded is for {', '.join(EMBEDDED)}, not for {config.task.name}")
    if config.policy.model == "embedded" and config.task.name == "zip":
        alone = config.policy.attention == "current_token"
        if alone != (config.task.demonstrate == "steps"):
            raise WrongKey(
                "task.demonstrate",
                "steps needs policy.attention=current_token, which sees the previous state alone, and chains needs "
                f"any other; the attention is {config.policy.attention or 'the default'}",
            )
    if config.policy.quantize and config.policy.lora is None:
        raise WrongKey("policy.quantize", "a quantised model cannot be trained itself; add policy.lora")
    for tracker in config.logging.report_to:
        if find_spec(tracker) is None:
            raise WrongKey("logging.report_to", f"{tracker} is not installed; pip install {tracker}")
    _check_engine(config)
    check_statements(config)
    _check_credit(config)
    _check_mix(config)
    if not trains:
        return
    if config.sampling.completions < config.algorithm.least_completions:
        raise WrongKey(
            "sampling.completions",
            f"is {config.sampling.completions}, but {config.algorithm.name} compares completions of a prompt; set 2 "
            f"or more",
        )
    config.algorithm.check(config)
    save = config.trainer.get("save_steps")
    if save is not None and save < 1:
        raise WrongKey("trainer.save_steps", f"expected a number of optimizer steps, got {save:g}")
    if config.algorithm.in_rounds:  # there is no generation cycle: a round samples its prompts once
        return
    plan = GenerationCycle.of(config)
    if plan.completions % config.sampling.completions:
        raise WrongKey(
            "sampling.completions",
            f"a batch of {plan.completions} completions ({plan.formula}) does not divide into groups of "
            f"{config.sampling.completions}",
        )
    if config.mix.aggregation == "normalise_then_sum" and plan.completions_a_process % config.sampling.completions:
        raise WrongKey(
            "mix.aggregation",
            f"normalise_then_sum needs whole groups on each process, and {plan.completions_a_process} completions on "
            f"each are not a multiple of {config.sampling.completions}; change trainer.per_device_train_batch_size",
        )
    if (key := _needs_whole_groups(config)) and plan.completions_a_process % config.sampling.completions:
        raise WrongKey(
            key,
            f"needs whole groups on each process, and {plan.completions_a_process} completions on each are not a "
            f"multiple of {config.sampling.completions}; change trainer.per_device_train_batch_size",
        )
    if save is not None and save % plan.optimizer_steps:
        raise WrongKey(
            "trainer.save_steps",
            f"{save:g} does not fall on the end of a generation cycle, which is {plan.optimizer_steps} optimizer "
            f"steps long, so a run could not be resumed exactly",
        )
    trainer = config.trainer
    if trainer.get("loss_type") == "cispo" and trainer.get("epsilon_high") is None:
        raise WrongKey(
            "trainer.loss_type",
            "cispo clamps ratios at epsilon_high itself, and TRL's default of 0.2 clamps every one; "
            "set trainer.epsilon_high, such as 5.0",
        )


def _needs_whole_groups(config: Config) -> str | None:
    """The first key that needs whole groups on each process; TRL's own baseline sees all processes."""
    if config.algorithm.group_baseline:
        for name, reward in config.rewards.items():
            if reward.credit is not None or reward.credit_on != "completion":
                return f"rewards.{name}.{'credit_on' if reward.credit is None else 'credit'}"
    drawing = (name for name in ("dynamic_sampling", "curriculum") if getattr(config.algorithm, name, None) is not None)
    return next((f"algorithm.{name}" for name in drawing), None)


def _check_credit(config: Config) -> None:
    """Check that rewards whose step scores count inside a completion give some, and that the algorithm uses them."""
    for name, reward in config.rewards.items():
        if reward.credit_on != "completion":
            _check_span(config, name)
        if reward.credit is None:
            continue
        key = f"rewards.{name}.credit"
        if not config.algorithm.credits_steps:
            raise WrongKey(key, f"is for grpo and ppo; {config.algorithm.name} weighs whole completions: leave it out")
        if config.mix.aggregation == "product":
            raise WrongKey(key, "a factor of a product cannot be credited inside the completion; use another mix")
        kind = reward.kind or name
        part, give = ("token", GIVE_TOKENS) if reward.credit == "token" else ("step", GIVE_STEPS)
        if reward.function is not None or kind not in give:
            raise WrongKey(key, f"it gives no {part} scores to credit; these do: {', '.join(give)}")
        if kind in ("correctness", "steps"):
            verifier = reward.verifier or task_verifier(config)
            if not getattr(module(verifier), "JUDGES_STEPS", False):
                raise WrongKey(key, f"verifier {verifier!r} does not judge steps, so there is nothing to credit")


def _check_span(config: Config, name: str) -> None:
    """Check that the algorithm credits tokens, and that no other rule says where the reward counts."""
    key = f"rewards.{name}.credit_on"
    if not config.algorithm.credits_steps:
        raise WrongKey(key, f"is for grpo and ppo; {config.algorithm.name} weighs whole completions: leave it out")
    if config.mix.aggregation == "product":
        raise WrongKey(key, "a factor of a product cannot be credited inside the completion; use another mix")
    if config.rewards[name].credit is not None:
        raise WrongKey(key, f"rewards.{name}.credit already says where its scores count; leave one of the two out")


def _check_mix(config: Config) -> None:
    """Check that a gate is one of the rewards and is used, and that a product's weights are not negative."""
    mix = config.mix
    if mix.aggregation == "gated":
        if mix.gate is None:
            raise WrongKey(
                "mix.gate", f"is needed with aggregation: gated; the rewards are {', '.join(config.rewards)}"
            )
        if mix.gate not in config.rewards:
            raise WrongKey("mix.gate", f"{mix.gate!r} is not one of the rewards; {nearest(mix.gate, config.rewards)}")
    elif mix.gate is not None:
        raise WrongKey("mix.gate", f"is used only with aggregation: gated, but that is {mix.aggregation}")
    elif mix.gate_at != type(mix).model_fields["gate_at"].default:
        raise WrongKey("mix.gate_at", f"is used only with aggregation: gated, but that is {mix.aggregation}")
    if mix.aggregation == "product":
        for name, reward in config.rewards.items():
            weights = [reward.weight] if isinstance(reward.weight, int | float) else [w for _, w in reward.weight]
            if min(weights) < 0:
                raise WrongKey(f"rewards.{name}.weight", f"a product has no negative weights, got {min(weights):g}")


def _check_engine(config: Config) -> None:
    """Check that an address is given if, and only if, the engine is a server."""
    sampling = config.sampling
    if (sampling.engine == "vllm_server") != (sampling.server is not None):
        raise WrongKey(
            "sampling.server",
            "is needed with sampling.engine=vllm_server, such as http://localhost:8000"
            if sampling.server is None
            else f"is for sampling.engine=vllm_server, but the engine is {sampling.engine}",
        )
