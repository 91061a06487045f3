import pytest
from peft import AutoPeftModelForCausalLM, get_peft_model

from rl.config import Policy
from rl.errors import UserError
from rl.policy.load import load


def settings(**given):
    return Policy.model_validate({"model": "x", **given})


@pytest.fixture
def saved(warm, tmp_path):
    """Saves the barely warmed-up policy with a changed tokenizer."""

    def save(change=lambda tokenizer: None):
        import copy

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


def test_no_such_model_is_one_clear_error():
    with pytest.raises(UserError, match=r"policy.model: 'no/such/model' could not be loaded"):
        load(settings(), "no/such/model", chat=False)


def test_quantising_without_a_gpu_is_refused(saved):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(UserError, match="needs a GPU"):
        load(settings(quantize="4bit", lora={}), saved(), chat=False)


def test_a_lora_target_that_the_model_lacks_is_refused(saved):
    with pytest.raises(UserError, match="no module 'q_porj'"):
        load(settings(lora={"targets": ["q_porj"]}), saved(), chat=False)


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "embed_tokens"]])
def test_a_lora_policy_is_saved_as_an_adapter_that_loads(saved, tmp_path, targets):
    import torch

    policy = load(settings(lora={"r": 4, "alpha": 8, "targets": targets}), saved(), chat=False)
    adapted = get_peft_model(policy.model, policy.lora)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name or "lora_embedding_B" in name:
            torch.nn.init.normal_(parameter)
    ids = torch.tensor([[5, 6, 7]])
    logits = adapted.eval()(ids).logits
    adapted.save_pretrained(tmp_path / "adapter")
    again = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "adapter").eval()
    assert torch.allclose(again(ids).logits, logits, atol=1e-5)
