"""A policy always gets the same tokens for a prompt, also if its tokenizer puts a BOS before every text."""

import pickle
from dataclasses import replace
from types import SimpleNamespace

import pytest
from accelerate import PartialState
from rich.console import Console

from rewards.models.likelihoods import joined
from rewards.models.prompts import encode, prompt_ids, render
from rewards.parts.rationale import RationaleLayout
from rewards.parts.step_scores import encode_steps
from rl import config as configuration
from rl.algorithms import sft
from rl.algorithms.grpo import GrpoTrainer
from rl.algorithms.preference import pair_rows
from rl.algorithms.trl_arguments import as_given
from rl.analysis.evaluation import EvaluationSettings, evaluate
from rl.config.algorithms import Grpo
from rl.examples.pairs import Pair
from rl.prm.complete import Completer, Prefix
from rl.rounds.draws import Draws
from tests.rl.algorithms.conftest import arguments, mix, policy
from tests.rl.samples import judged_sample

__all__ = ["arguments", "mix", "policy"]

TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% if thinking is defined %}+1{% endif %}?{% endfor %}"


@pytest.fixture(params=["plain", "chat"])
def prompts(request, with_bos, task):
    """The prompts of a task, plain or as chat messages, and the tokens that they are to be read as."""
    plain = [row["prompt"] for row in task.splits["train"]]
    ids = {text: with_bos(text, add_special_tokens=False)["input_ids"] for text in plain}
    if request.param == "plain":
        return plain, {text: [with_bos.bos_token_id, *ids[text]] for text in plain}
    with_bos.chat_template = TEMPLATE  # which begins without a BOS, so there is none
    return [[{"role": "user", "content": text[:-1]}] for text in plain], ids


def sampled(prompt):
    return judged_sample("2#2", 1.0, ids=[5, 1], prompt=prompt)


def test_a_prompt_has_the_same_tokens_in_training_evaluation_rounds_fits_prms_and_rewards(
    prompts, with_bos, task, reads, arguments, mix, monkeypatch
):
    given, expected = prompts
    wanted = sorted(expected.values())
    rows = [{**row, "prompt": prompt} for row, prompt in zip(task.splits["train"], given, strict=True)]
    splits = {**task.splits, "train": rows}
    here = replace(task, splits=splits)
    model, seen = reads

    evaluate(model, with_bos, here, "train", EvaluationSettings(n=64, k=0, parameters={"max_tokens": 2}))
    assert sorted(seen) == wanted

    seen.clear()
    overrides = ["algorithm=orpo", "algorithm.prompts=64", "algorithm.rounds=1", "sampling.completions=2"]
    own = ["name=x", "task=chain", "policy.model=embedded", "rewards.correctness.weight=1", "sampling.max_tokens=2"]
    config = configuration.load(None, [*own, *overrides])
    parts = {"config": config, "task": here, "mix": mix(), "tokenizer": with_bos}
    run = SimpleNamespace(**parts, engine=None, state=PartialState(), console=Console(quiet=True))
    Draws(run).draw(0, model)
    assert sorted(seen) == sorted(2 * wanted)

    seen.clear()
    from datasets import Dataset

    of_trl = {**arguments(), "model": model, "processing_class": with_bos, "train_dataset": Dataset.from_list(rows)}
    trainer = GrpoTrainer(Grpo(name="grpo"), mix(), task.verifier, **of_trl)
    batch = trainer._generate_and_score_completions([row for row in rows[:4] for _ in range(4)])
    in_batch = [ids[mask.bool()].tolist() for ids, mask in zip(batch["prompt_ids"], batch["prompt_mask"], strict=True)]
    first = [ids for ids in list(expected.values())[:4] for _ in range(4)]
    assert in_batch == first and sorted(seen) == sorted(first)

    seen.clear()
    Completer(model, with_bos, "x", max_tokens=2)([Prefix(render(prompt, with_bos)) for prompt in given], 1)
    assert sorted(seen) == wanted

    for prompt, ids in zip(given, expected.values(), strict=True):
        kept = sft.row(sampled(prompt), with_bos)
        assert kept["input_ids"] == [*ids, 5, 1]
        (pair,) = pair_rows([Pair(sampled(prompt), sampled(prompt))], with_bos)
        assert pair["prompt_ids"] == ids
        steps = encode_steps(with_bos, prompt, "1+1=2", [5])
        assert steps.ids[: steps.start] == ids
        asked = joined(
            RationaleLayout("#", "{prompt}{rationale}#", "{prompt}#", "{text}").put(prompt, "", with_bos), "2", with_bos
        )
        assert asked.ids[: len(ids)] == ids


def test_a_text_that_begins_with_the_bos_gets_no_second(with_bos):
    assert encode("<unk>1+1?", with_bos) == encode("1+1?", with_bos) == prompt_ids("1+1?", with_bos)
    assert encode("<unk>1+1?", with_bos).count(with_bos.bos_token_id) == 1


def test_a_trainer_reads_the_turns_of_a_chat_as_they_were_given(with_bos, task, reads, arguments, mix):
    # in a table each message would have the keys of all others, and some templates ask whether a message has a key
    with_bos.chat_template = "{% for m in messages %}{{ m['content'] }}{{ '+' if 'name' in m }}{% endfor %}?"
    turns = [{"role": "user", "content": "1+1"}, {"role": "tool", "name": "sum", "content": "2"}]
    rows = [
        {"prompt": turns, "gold": "2", "of": {"a": 1}, "n": 1},
        {"prompt": turns[:1], "gold": "2", "of": {}, "n": 0.5},
    ]
    model, seen = reads
    given = {**arguments(), "model": model, "processing_class": with_bos, "train_dataset": as_given(rows * 8)}
    trainer = GrpoTrainer(Grpo(name="grpo"), mix(), task.verifier, **given)
    batch = next(iter(trainer.get_train_dataloader()))
    assert all(row in rows and type(row["n"]) is type(rows[rows.index(row)]["n"]) for row in batch)
    trainer._generate_and_score_completions(batch)
    assert {tuple(ids) for ids in seen} == {tuple(prompt_ids(row["prompt"], with_bos)) for row in rows}
    batch[0]["prompt"][0]["content"] = "9"
    assert pickle.loads(pickle.dumps(trainer.train_dataset))[:] == as_given(rows * 8)[:]  # as workers get it


def test_the_chat_templates_variables_reach_training_evaluation_rounds_and_fits(with_bos, task, reads, arguments, mix):
    with_bos.chat_template = TEMPLATE
    prompt = [{"role": "user", "content": "1+1"}]
    model, seen = reads
    kwargs = {"thinking": False}
    longer = with_bos("1+1+1?", add_special_tokens=False)["input_ids"]
    here = SimpleNamespace(splits={"train": [{"prompt": prompt, "gold": "2"}]}, verifier=task.verifier)
    settings = EvaluationSettings(n=1, k=0, parameters={"max_tokens": 2, "chat_template_kwargs": kwargs})
    evaluate(model, with_bos, here, "train", settings)
    assert seen == [longer]
    trainer = GrpoTrainer(
        Grpo(name="grpo"),
        mix(),
        task.verifier,
        **{**arguments(chat_template_kwargs=kwargs), "processing_class": with_bos},
    )
    assert trainer._tokenize_prompts([prompt]) == ([longer], None, {})
    assert pair_rows([Pair(sampled(prompt), sampled(prompt))], with_bos, kwargs)[0]["prompt_ids"] == longer
    assert sft.row(sampled(prompt), with_bos, template_kwargs=kwargs)["input_ids"] == [*longer, 5, 1]
