"""`whetstone export` on run folders made by hand; tests/rl/test_training.py exports a run that was trained."""

import json
import os

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from rl.analysis.model_card import model_card
from rl.config import dump, load
from rl.errors import UserError
from rl.runs.export import export

INTERVAL = {"value": 0.5, "low": 0.25, "high": 0.75}
FIGURES = {"split": "test", "n": 16, "k": 0, "greedy": INTERVAL, "chain": None, "cut_off": {**INTERVAL, "value": 0.3}}
SUMMARY = {
    "name": "mine", "steps": 4, "tokens_generated": 1234, "wall_s": 5.0, "device": "CPU, 1 threads", "seed": 0,
    "data": {"train": {"rows": 64, "sha256": "ab" * 32}}, "versions": {"torch": "2"}, "before": FIGURES,
    "after": {**FIGURES, "greedy": {"value": 0.75, "low": 0.5, "high": 0.9}},
}  # fmt: skip


@pytest.fixture
def run(tmp_path, warm):
    """A function that makes a run folder of a finished run with full weights, or with an adapter."""
    model, tokenizer = warm
    base = tmp_path / "base"
    model.save_pretrained(base)
    tokenizer.save_pretrained(base)

    def make(*, adapter=False):
        folder = tmp_path / "runs" / "mine"
        folder.mkdir(parents=True)
        config = load(
            None, ["name=mine", "task=chain", f"policy.model={base}", "algorithm=grpo", "rewards.steps.weight=1"]
        )
        (folder / "config.yaml").write_text(dump(config))
        (folder / "summary.json").write_text(json.dumps(SUMMARY))
        trained = AutoModelForCausalLM.from_pretrained(base)
        torch.manual_seed(1)
        if adapter:
            lora = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
            trained = get_peft_model(trained, lora)
        else:
            with torch.no_grad():
                for weights in trained.parameters():
                    weights.add_(0.02 * torch.randn_like(weights))
        trained.save_pretrained(folder / "model")
        tokenizer.save_pretrained(folder / "model")
        (folder / "model" / "training_args.bin").write_bytes(b"x")
        return folder, trained

    return make


def generated(model, tokenizer):
    prompts = tokenizer(["2+2+7?", "5-3+1?"], return_tensors="pt", add_special_tokens=False)
    return model.eval().generate(input_ids=prompts["input_ids"], do_sample=False, max_new_tokens=12).tolist()


@pytest.mark.parametrize(("adapter", "merge"), [(False, False), (True, False), (True, True)])
def test_plain_transformers_generates_from_the_folder_what_the_policy_does(run, tmp_path, monkeypatch, adapter, merge):
    folder, trained = run(adapter=adapter)
    to = export(folder, tmp_path / "out", merge=merge)
    monkeypatch.chdir(tmp_path / "runs")  # an adapter finds its base from anywhere
    model, tokenizer = AutoModelForCausalLM.from_pretrained(to), AutoTokenizer.from_pretrained(to)
    assert generated(model, tokenizer) == generated(trained, tokenizer)
    untrained = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    assert generated(model, tokenizer) != generated(untrained, tokenizer)  # else equal tokens would say nothing
    assert (to / "adapter_model.safetensors").exists() == (adapter and not merge)
    assert not (to / "training_args.bin").exists() and (to / "whetstone.yaml").exists()
    assert not isinstance(model, PeftModel)


def test_the_card_has_the_figures_with_intervals_the_hashes_and_the_versions(run, tmp_path):
    folder, _ = run()
    card = (export(folder, tmp_path / "out") / "README.md").read_text()
    assert "| right (greedy decoding) | 0.500 (0.250 to 0.750) | 0.750 (0.500 to 0.900) |" in card
    assert "| train, SHA-256 of 64 rows | `" + "ab" * 32 in card and "| torch | 2 |" in card
    assert card.startswith("---\nlibrary_name: transformers\n") and "base_model: " in card


def test_the_card_shows_the_prompt_that_the_policy_was_trained_on():
    task = "task={name: dataset, data: a.jsonl, template: 'Q: {question}', chat: true, system: Be brief.}"
    config = load(None, ["name=mine", task, "policy.model=x", "algorithm=grpo", "rewards.correctness.weight=1"])
    card = model_card(config, SUMMARY, base="x", folder="out", adapter=True)
    assert "after the system message 'Be brief.'" in card and "```text\nQ: {question}\n```" in card
    assert "It needs its base model at `x`" in card


def test_nothing_is_overwritten_without_force_and_only_a_model_with_it(run, tmp_path):
    folder, _ = run()
    to = export(folder, tmp_path / "out")
    (to / "mine.txt").write_text("")
    with pytest.raises(UserError, match="out is not empty; --force replaces a model in it"):
        export(folder, to)
    export(folder, to, force=True)
    assert not (to / "mine.txt").exists()
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.txt").write_text("")
    with pytest.raises(UserError, match="something other than a model, which --force leaves alone"):
        export(folder, tmp_path / "papers", force=True)
    with pytest.raises(UserError, match="is the run folder or contains it"):
        export(folder, folder.parent, force=True)


def cut_off(folder):
    os.truncate(folder / "model" / "model.safetensors", 100)


def garbled(folder):
    (folder / "summary.json").write_text("{")


@pytest.mark.parametrize(
    ("spoil", "to", "what"),
    [
        (cut_off, "out", r"model: cannot be read: model\.safetensors is cut off.*train it again with --fresh"),
        (garbled, "out", r"summary\.json: is damaged, not JSON: .*delete it"),
        (lambda folder: None, "base/config.json/out", r"--to: .*out cannot be written: Not a directory"),
    ],
)
def test_what_cannot_be_read_or_written_is_named_and_nothing_is_written(run, tmp_path, spoil, to, what):
    folder, _ = run()
    spoil(folder)
    with pytest.raises(UserError, match=what):
        export(folder, tmp_path / to)
    assert not (tmp_path / "out").exists()


def test_a_run_that_is_not_finished_is_refused_with_what_to_do(run, tmp_path):
    folder, _ = run()
    (folder / "summary.json").unlink()
    with pytest.raises(UserError, match="has saved nothing yet; run the same whetstone train command again"):
        export(folder, tmp_path / "out")
    (folder / "checkpoints" / "checkpoint-20").mkdir(parents=True)
    with pytest.raises(UserError, match="has reached checkpoint-20; run the same whetstone train"):
        export(folder, tmp_path / "out")
    with pytest.raises(UserError, match=r"is not a run folder: it has no config\.yaml"):
        export(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_of_stages_the_last_policy_is_exported(run, tmp_path):
    folder, trained = run()
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "model").symlink_to(folder / "model", target_is_directory=True)
    to = export(tmp_path / "stages", tmp_path / "out")
    tokenizer = AutoTokenizer.from_pretrained(to)
    assert generated(AutoModelForCausalLM.from_pretrained(to), tokenizer) == generated(trained, tokenizer)
