"""Random models of two layers, small enough for a test and wide enough that their completions differ."""

import torch
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

SIZES = {"vocab_size": 12, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
         "num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.5}  # fmt: skip
PAD = 0


def llama(**more):
    return LlamaForCausalLM(LlamaConfig(**SIZES, **more))


def learnt_positions(**more):
    sizes = {"vocab_size": 12, "n_positions": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.5}
    return GPT2LMHeadModel(GPT2Config(**sizes, **more))


def with_adapters(**more):
    return get_peft_model(llama(**more), LoraConfig(r=2, init_lora_weights=False, target_modules=["q_proj"]))


def left_padded(prompts, extra=0):
    """Left-padded prompts and their mask, with columns of padding more."""
    width = max(map(len, prompts)) + extra
    ids = torch.tensor([[PAD] * (width - len(one)) + one for one in prompts])
    return ids, torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in prompts])
