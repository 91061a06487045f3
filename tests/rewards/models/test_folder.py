"""What is wrong with a model's folder is said before anything is loaded, by `whetstone check`, training and rewards."""

import json
import pickle
import shutil

import pytest
import torch
from safetensors.torch import save_file

from rewards.models.folder import fault, header
from rewards.models.load import load
from tests.hostile import Hostile


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    save_file({"a": torch.zeros(4, 2), "b": torch.zeros(3)}, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture
def adapter(tmp_path, model):
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": str(model), "peft_type": "LORA"})
    )
    save_file({"a": torch.zeros(4, 2)}, folder / "adapter_model.safetensors")
    return folder


def test_a_model_an_adapter_and_what_only_the_hub_knows_have_no_fault(model, adapter):
    assert fault(model) is None and fault(adapter) is None and fault("owner/name") is None
    assert {name: tensor["shape"] for name, tensor in header(model / "model.safetensors").items()} == {
        "a": [4, 2],
        "b": [3],
    }


def cut(folder, name, size):
    (folder / name).write_bytes((folder / name).read_bytes()[:size])


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


def pickled(folder):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Hostile(folder / "it ran")))


def elsewhere(folder):
    (folder / "weights.bin").write_bytes(pickle.dumps(Hostile(folder / "it ran")))
    (folder / "config.json").write_text('{"model_type": "llama", "transformers_weights": "weights.bin"}')


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "config.json").unlink(), "holds no model: it has no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "config.json is not JSON"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json holds no JSON object"),
        (lambda f: (f / "model.safetensors").unlink(), "holds no weights: it has no *.safetensors"),
        (pickled, "it has no *.safetensors; pytorch_model.bin is a pickle, which can run code: convert it"),
        (elsewhere, "has its weights in 'weights.bin', which is no safetensors file"),
        (lambda f: cut(f, "model.safetensors", 5), "model.safetensors is cut off or no safetensors file"),
        (lambda f: cut(f, "model.safetensors", 40), "model.safetensors is cut off or no safetensors file"),
        (lambda f: cut(f, "model.safetensors", -1), "model.safetensors is cut off: it has"),
        (lambda f: (f / "model.safetensors").write_bytes(LFS), "is a Git LFS pointer, not the weights; fetch them"),
    ],
)
def test_a_spoilt_folder_is_told_apart(model, spoil, message):
    spoil(model)
    assert message in (fault(model) or "")
    with pytest.raises(ValueError) as refused:
        load(model)
    assert message in str(refused.value) and str(model) in str(refused.value)
    assert not (model / "it ran").exists()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"base_model_name_or_path": None}, "is an adapter that does not say which model it is of"),
        ({"base_model_name_or_path": "/nowhere/base"}, "is an adapter of '/nowhere/base', which is not here"),
        ({"base_model_name_or_path": "./base"}, "is an adapter of './base', which is not here"),
    ],
)
def test_an_adapter_without_its_base_is_named(adapter, config, message):
    (adapter / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", **config}))
    assert message in (fault(adapter) or "")


def test_an_adapter_of_a_spoilt_base_or_without_weights_is_named(adapter, model):
    (model / "model.safetensors").unlink()
    assert f"is an adapter of {str(model)!r}, which holds no weights" in (fault(adapter) or "")
    (adapter / "adapter_model.safetensors").unlink()
    assert "holds no weights: it has no adapter_model.safetensors" in (fault(adapter) or "")


def test_an_unknown_kind_of_adapter_is_named(adapter, model):
    (adapter / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": str(model), "peft_type": "NEW", "task_type": "CAUSAL_LM"})
    )
    with pytest.raises(ValueError, match="peft has no adapter of type 'NEW'"):
        load(adapter)


@pytest.mark.parametrize("name", ["model.gguf", "folder/model.gguf"])
def test_gguf_is_named_as_file_and_as_folder(tmp_path, name):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"GGUF")
    for path in {file, file.parent} - {tmp_path}:
        assert (fault(path) or "").startswith("is GGUF, which can be run but not trained")


def test_a_folder_without_a_tokenizer_says_so(model_folder, tmp_path):
    copied = shutil.copytree(model_folder("causal"), tmp_path / "copied")
    for file in copied.glob("*token*"):
        file.unlink()
    with pytest.raises(ValueError, match=r"has no tokenizer: there is no tokenizer\.json"):
        load(copied)
