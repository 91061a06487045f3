import torch
from transformers import LlamaConfig, LlamaForCausalLM

from rewards.models.current_token import CURRENT_TOKEN, register
from rewards.models.load import load


def test_the_next_token_depends_on_the_last_one_alone(tmp_path):
    register()
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "vocab_size": 11}
    config = LlamaConfig(**sizes, num_attention_heads=4, num_key_value_heads=2)
    model = LlamaForCausalLM(config).eval()
    alone_LV = model(input_ids=torch.arange(11)[:, None]).logits[:, 0]
    model.set_attn_implementation(CURRENT_TOKEN)
    ids_BT = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])
    logits_BTV = model(input_ids=ids_BT, attention_mask=torch.ones_like(ids_BT)).logits
    assert torch.allclose(logits_BTV, alone_LV[ids_BT], atol=1e-5)


def test_a_model_is_loaded_with_it_and_generates_as_a_markov_chain(model_folder):
    folder = model_folder("causal")
    model, tokenizer, _ = load(folder, attention=CURRENT_TOKEN)
    ids = tokenizer("2+2", return_tensors="pt", add_special_tokens=False)["input_ids"]
    drawn = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=6, do_sample=False)[0]
    last = model.generate(input_ids=ids[:, -1:], attention_mask=torch.ones(1, 1), max_new_tokens=6, do_sample=False)[0]
    assert drawn[ids.shape[1] :].tolist() == last[1:].tolist()
