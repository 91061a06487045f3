"""Loading models: which are shared, and which are refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from rewards.models.load import frozen, load
from rewards.models.state import fingerprint, judging


def test_a_frozen_model_is_loaded_once_and_cannot_be_trained(model_folder):
    folder = model_folder()
    model, _ = frozen(folder)()
    assert frozen(folder)()[0] is model
    assert not model.training and not any(weight.requires_grad for weight in model.parameters())
    assert model.dtype == torch.float32


def test_a_folder_that_was_written_again_is_loaded_again(model_folder):
    folder = model_folder()
    before, _ = frozen(folder)()
    other, _ = frozen(model_folder(seed=1))()
    other.save_pretrained(folder)
    after, _ = frozen(folder)()
    assert fingerprint(after) == fingerprint(other) != fingerprint(before)


def test_a_model_without_the_head_is_refused(model_folder):
    with pytest.raises(
        ValueError, match=r"no weights for score.*random: .* not those of a model with a head for sequences"
    ):
        frozen(model_folder(), "sequence")


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(model_folder):
    with pytest.raises(ValueError, match=r"299 tokens, but the model's embedding has only 100 rows"):
        frozen(model_folder(vocab_size=100))


def in_config(**changes):
    def spoil(folder):
        file = folder / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return spoil


def in_weights(change):
    def spoil(folder):
        file = folder / "model.safetensors"
        weights = load_file(file)
        change(weights)
        save_file(weights, file, metadata={"format": "pt"})

    return spoil


def linked_elsewhere(folder):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("/nowhere/blob")


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (in_weights(lambda w: w.pop("model.norm.weight")), r"no weights for model\.norm\.weight, .*not whole"),
        (
            in_weights(lambda w: w.update({"model.norm.weight": torch.ones(7)})),
            r"no weights for model\.norm\.weight of shape \(\d+,\), but of \(7,\)",
        ),
        (linked_elsewhere, "model.safetensors is a link to '/nowhere/blob', which is not there"),
        (in_config(hidden_size="32"), "could not be loaded: .*hidden_size"),
        (in_config(num_attention_heads=7), "could not be loaded: .*hidden size"),
        (in_config(dtype="float8"), "could not be loaded: .*float8"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "the tokenizer of .* could not be loaded"),
    ],
)
def test_files_that_are_broken_are_refused_by_name(spoil, what, model_folder):
    folder = model_folder()
    spoil(Path(folder))
    with pytest.raises(ValueError, match=what):
        load(folder, dtype="float32")


def test_a_dtype_is_asked_for_by_name(model_folder):
    folder = model_folder()
    assert frozen(folder, dtype="bfloat16")()[0].dtype == torch.bfloat16
    with pytest.raises(ValueError, match="dtype: unknown dtype 'float23'"):
        frozen(folder, dtype="float23")


def test_tied_heads_are_no_missing_weights(model_folder):
    frozen(model_folder(tie_word_embeddings=True))


def test_judging_leaves_a_policy_training_as_it_was(model_folder):
    model = AutoModelForCausalLM.from_pretrained(model_folder()).train()
    with judging(model):
        assert not model.training
        assert not model(torch.tensor([[1]])).logits.requires_grad
    assert model.training
