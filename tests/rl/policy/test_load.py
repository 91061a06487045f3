import copy
import json
import math
import os
import shutil

import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM

from rl.config import Policy
from rl.errors import UserError
from rl.policy.load import load


def settings(**given):
    return Policy.model_validate({"model": "x", **given})


@pytest.fixture
def saved(warm, tmp_path):
    """Saves the barely warmed-up policy with a changed tokenizer."""

    def save(change=lambda tokenizer: None):
        tokenizer = copy.deepcopy(warm[1])
        change(tokenizer)
        warm[0].save_pretrained(tmp_path / "policy")
        tokenizer.save_pretrained(tmp_path / "policy")
        return tmp_path / "policy"

    return save


def test_a_missing_pad_token_is_handled_and_said(saved):
    def change(tokenizer):
        tokenizer.pad_token = None

    policy = load(settings(), saved(change), chat=False)
    assert policy.tokenizer.pad_token == "<eos>" and policy.model.config.pad_token_id == policy.tokenizer.eos_token_id
    assert any("no pad token" in note for note in policy.notes)


def test_a_missing_chat_template_is_handled_and_said_only_for_chat(saved):
    folder = saved()
    policy = load(settings(), folder, chat=True)
    text = policy.tokenizer.apply_chat_template(
        [{"role": "user", "content": "1+1?"}], tokenize=False, add_generation_prompt=True
    )
    assert text == "User: 1+1?\n\nAssistant:" and any("no chat template" in note for note in policy.notes)
    assert not any("chat" in note for note in load(settings(), folder, chat=False).notes)


def test_a_chat_template_of_ones_own_is_used(saved, tmp_path):
    (tmp_path / "chat.jinja").write_text("{{ messages[0]['content'] }}!")
    policy = load(settings(chat_template=str(tmp_path / "chat.jinja")), saved(), chat=True)
    assert policy.tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False) == "hi!"


def test_a_tied_head_is_said(saved):
    assert any("one matrix" in note for note in load(settings(), saved(), chat=False).notes)


def test_no_end_of_text_token_is_refused(saved):
    def change(tokenizer):
        tokenizer.eos_token = None

    with pytest.raises(UserError, match="no end-of-text token"):
        load(settings(), saved(change), chat=False)


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(saved):
    def change(tokenizer):
        tokenizer.add_tokens([f"<{i}>" for i in range(40)])

    with pytest.raises(UserError, match="do not belong together"):
        load(settings(), saved(change), chat=False)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_weights_of_a_training_that_diverged_are_refused(number, saved):
    folder = saved()
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] = number
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"NaN or infinite, in model\.norm\.weight; take an earlier checkpoint"):
        load(settings(), folder, chat=False)


def test_no_such_model_is_one_clear_error():
    with pytest.raises(UserError, match=r"policy.model: 'no/such/model' could not be loaded"):
        load(settings(), "no/such/model", chat=False)


def test_quantising_without_bitsandbytes_is_refused(saved, monkeypatch):
    monkeypatch.setattr("rl.policy.load.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"policy.quantize: needs bitsandbytes, .* pip install bitsandbytes"):
        load(settings(quantize="4bit", lora={}), saved(), chat=False)


def trained(policy, folder):
    """A policy's adapters with weights that change what it says, saved in a folder; and its logits."""
    adapted = get_peft_model(policy.model, policy.lora)
    torch.manual_seed(0)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.5)
    adapted.save_pretrained(folder)
    policy.tokenizer.save_pretrained(folder)
    return adapted.eval()(IDS).logits


IDS = torch.tensor([[5, 6, 7]])


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def base(request, warm, tmp_path):
    """A saved policy with its input embedding and output head as one matrix, or as two."""
    config = copy.deepcopy(warm[0].config)
    config.tie_word_embeddings = request.param
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    warm[1].save_pretrained(tmp_path / "base")
    return tmp_path / "base"


@pytest.mark.parametrize(
    "lora",
    [
        {"targets": "all-linear"},
        {"targets": "q_proj"},
        {"targets": ["all-linear"]},
        {"targets": r".*\.layers\.0\.self_attn\.(q|v)_proj"},
        {"targets": ["q_proj", "embed_tokens"]},
        {"targets": ["q_proj", "lm_head"]},
        {"modules_to_save": ["embed_tokens"]},
        {"modules_to_save": ["lm_head"]},
        {"modules_to_save": ["embed_tokens", "lm_head"]},
        {"targets": ["self_attn.q_proj"], "modules_to_save": ["input_layernorm"]},
    ],
    ids=str,
)
def test_a_lora_policy_is_saved_as_an_adapter_from_which_training_goes_on(base, tmp_path, lora):
    policy = load(settings(lora={"r": 4, "alpha": 8, **lora}), base, chat=False)
    logits = trained(policy, tmp_path / "adapter")
    assert not torch.allclose(load(settings(), base, chat=False).model.eval()(IDS).logits, logits, atol=1e-2)
    again = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "adapter").eval()
    assert torch.allclose(again(IDS).logits, logits, atol=1e-5)

    on = load(settings(lora={"r": 4, "alpha": 8, **lora}), tmp_path / "adapter", chat=False)
    assert isinstance(on.model, PeftModel) and on.lora is None
    assert torch.allclose(on.model.eval()(IDS).logits, logits, atol=1e-5)
    assert any(parameter.requires_grad for parameter in on.model.parameters())
    assert any("its training continues" in note and "not with" not in note for note in on.notes)


def test_an_adapters_own_settings_count_and_that_is_said(saved, tmp_path):
    trained(load(settings(lora={"r": 4, "alpha": 8}), saved(), chat=False), tmp_path / "adapter")
    (note,) = load(settings(lora={"r": 16, "alpha": 8}), tmp_path / "adapter", chat=False).notes
    assert note.endswith("continues with its own r 4, not with those of policy.lora")
    assert load(settings(), tmp_path / "adapter", chat=False).lora is None


def test_an_adapters_base_is_found_from_its_own_folder_and_those_above(saved, tmp_path, monkeypatch):
    logits = trained(load(settings(lora={"r": 4}), saved(), chat=False), tmp_path / "runs" / "x" / "model")
    file = tmp_path / "runs" / "x" / "model" / "adapter_config.json"
    for relative in ("policy", "./policy", "../policy"):
        file.write_text(json.dumps({**json.loads(file.read_text()), "base_model_name_or_path": relative}))
        for where in (tmp_path, tmp_path / "runs", "/"):
            monkeypatch.chdir(where)
            path = os.path.relpath(file.parent)
            assert torch.allclose(load(settings(), path, chat=False).model.eval()(IDS).logits, logits, atol=1e-5)
        further = tmp_path / "further" / "down" / "adapter"  # as the policy of a run that goes on from the adapter
        load(settings(), file.parent, chat=False).model.save_pretrained(further)
        assert torch.allclose(load(settings(), further, chat=False).model.eval()(IDS).logits, logits, atol=1e-5)
    shutil.rmtree(tmp_path / "policy")
    with pytest.raises(UserError, match=r"policy.model: .*model' is an adapter of '../policy', which is not here"):
        load(settings(), file.parent, chat=False)


def test_an_adapter_on_an_adapter_has_both(saved, tmp_path):
    trained(load(settings(lora={"r": 4}), saved(), chat=False), tmp_path / "first")
    first = load(settings(), tmp_path / "first", chat=False).model.merge_and_unload()
    first.save_pretrained(tmp_path / "merged")
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    file = tmp_path / "second" / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "base_model_name_or_path": str(tmp_path / "first")}))
    both = load(settings(), tmp_path / "second", chat=False).model
    assert torch.allclose(
        both.eval()(IDS).logits,
        PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(tmp_path / "merged"), tmp_path / "second")(
            IDS
        ).logits,
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ("lora", "message"),
    [
        ({"targets": ["q_porj"]}, "policy.lora.targets: the model has no module 'q_porj'; did you mean 'q_proj'"),
        ({"targets": "q_porj"}, "policy.lora.targets: the model has no module 'q_porj'; did you mean 'q_proj'"),
        ({"targets": "(q_proj"}, r"policy.lora.targets: '\(q_proj' is not a regular expression"),
        ({"targets": ["all-linear", "lm_head"]}, "policy.lora.targets: all-linear cannot be combined"),
        ({"targets": ["proj"]}, "policy.lora.targets: the model has no module 'proj'"),
        ({"modules_to_save": ["lm_haed"]}, "policy.lora.modules_to_save: the model has no module 'lm_haed'; did you"),
        ({"targets": ["input_layernorm"]}, "policy.lora: Target module .* is not supported"),
        ({"targets": ["self_attn"]}, "policy.lora: Target module LlamaAttention is not supported"),
    ],
    ids=str,
)
def test_lora_settings_that_do_not_fit_the_model_are_refused_before_training(saved, lora, message):
    with pytest.raises(UserError, match=message):
        load(settings(lora=lora), saved(), chat=False)


def test_damaged_weights_are_one_clear_error(saved):
    folder = saved()
    (folder / "model.safetensors").write_bytes(b"xx")
    with pytest.raises(UserError, match=r"policy.model: .*policy' cannot be read: model.safetensors is cut off"):
        load(settings(), folder, chat=False)


def test_a_path_may_begin_at_the_home_folder(saved, monkeypatch):
    monkeypatch.setenv("HOME", str(saved().parent))
    assert load(settings(), "~/policy", chat=False).model.config.model_type == "llama"
    with pytest.raises(UserError, match="gone' could not be loaded: there is no such folder"):
        load(settings(), "~/gone", chat=False)


def test_a_chat_template_that_is_no_template_is_refused_with_its_line(saved, tmp_path):
    (tmp_path / "chat.jinja").write_text("a\n{% for m in messages %}")
    with pytest.raises(UserError, match=r"policy.chat_template: .*chat.jinja:2: "):
        load(settings(chat_template=str(tmp_path / "chat.jinja")), saved(), chat=True)
    (tmp_path / "chat.jinja").write_text("{{ raise_exception('a system message is needed') }}")
    load(settings(chat_template=str(tmp_path / "chat.jinja")), saved(), chat=True)
