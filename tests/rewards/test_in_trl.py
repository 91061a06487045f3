"""Every reward module works unchanged in a step of a plain TRL trainer."""

import math
from dataclasses import replace

import pytest
from datasets import Dataset
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from rewards import GIVE_STEPS, GIVE_TOKENS, REWARDS
from rewards.building.build import build
from rewards.parts.answer_models import fit_answer_models
from rewards.parts.context import Context
from rewards.parts.rationale import LAYOUTS
from verifiers.runtime.verifier import Verifier

FUNCTION = """
def brevity(prompts, completions, completion_ids, gold, **columns):
    return [1 / (1 + abs(len(ids) - len(answer))) for ids, answer in zip(completion_ids, gold)]
"""


def own_function(get):
    file = get("tmp_path") / "my_rewards.py"
    file.write_text(FUNCTION)
    return {"function": f"{file}:brevity"}


def judged(get):
    return {"model": "m", "options": {"rubric": "x", "base_url": get("server").base_url, "key": None}}


def answer_models(get):
    start, rows = get("tmp_path") / "start", [row | {"rationale": "1+1=2"} for row in get("task").splits["train"][:16]]
    for part in get("warm"):
        part.save_pretrained(start)
    layout = replace(LAYOUTS["chain"], marker=None)
    return {"model": str(fit_answer_models(rows, 2, str(start), get("tmp_path") / "models", layout, epochs=1))}


def another(get):
    """A random model with the policy's vocabulary."""
    policy, tokenizer = get("warm")
    for part in (type(policy)(policy.config), tokenizer):
        part.save_pretrained(get("tmp_path") / "another")
    return str(get("tmp_path") / "another")


MODULES = {
    "consistency": answer_models,
    "correctness": lambda get: {},
    "diversity": lambda get: {"options": {"marker": None}},
    "format": lambda get: {"options": {"max_words": 1}},
    "judge": judged,
    "length": lambda get: {"options": {"target": 4}},
    "likelihood_gain": lambda get: {"model": "policy", "options": {"marker": None}},
    "outcome": lambda get: {"model": get("model_folder")("sequence", num_labels=1)},
    "plausibility": lambda get: {
        "model": get("model_folder")("sequence", num_labels=1),
        "options": {"format": "sequence", "marker": None},
    },
    "process": lambda get: {"model": get("model_folder")("token", num_labels=1), "options": {"pattern": "."}},
    "reader": lambda get: {"model": get("model_folder")(), "options": {"marker": None, "max_tokens": 2}},
    "repetition": lambda get: {"options": {"unit": "characters", "ngram": 1}},
    "self_feedback": lambda get: {"options": {"marker": None, "rows": 16, "max_tokens": 8}},
    "steps": lambda get: {},
    "teacher": lambda get: {"model": another(get)},
    "mine": own_function,
}
"""Name → its part of the config. `get` gives a fixture by its name, such as `tmp_path`, `server` or `warm`."""


@pytest.mark.parametrize("name", MODULES)
def test_it_trains_a_step(name, task, warm, tmp_path, request):
    settings = {name: MODULES[name](request.getfixturevalue)}
    rows = [row | {"choices": list("0123456789")} for row in task.splits["train"][:16]]
    context = Context(Verifier("chain"), policy=lambda: warm, rows=rows, cache=tmp_path / "cache")
    (reward,) = build(settings, context).rewards
    assert not reward.judges_steps or name in GIVE_STEPS  # what a config check goes by
    assert not reward.judges_tokens or name in GIVE_TOKENS
    seen = []

    class Seen(type(reward)):
        def __call__(self, *given, **columns):
            seen.extend(super().__call__(*given, **columns))
            return seen

    reward.__class__ = Seen
    arguments = GRPOConfig(
        output_dir=str(tmp_path), per_device_train_batch_size=8, num_generations=4, max_steps=1, logging_steps=1,
        max_completion_length=8, report_to=[], bf16=False, use_cpu=True, save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=type(warm[0])(warm[0].config),
        reward_funcs=[reward],
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=warm[1],
    )
    trainer.train()
    logged = trainer.state.log_history[0]
    values = [value for value in seen if value is not None]
    assert len(seen) == 8 and values
    assert logged["reward"] == pytest.approx(sum(values) / len(values), abs=1e-5)
    assert logged[f"rewards/{name}/mean"] == pytest.approx(logged["reward"]) and math.isfinite(logged["grad_norm"])


def test_every_module_has_its_row():
    assert REWARDS.keys() <= MODULES.keys(), f"add rows for {sorted(REWARDS.keys() - MODULES.keys())} to MODULES"
