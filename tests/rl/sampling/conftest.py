import copy

import pytest
import torch
from tokenizers.processors import TemplateProcessing
from transformers import LlamaForCausalLM


@pytest.fixture
def with_bos(warm):
    """The barely warmed-up policy's tokenizer with a BOS token that it puts before every text."""
    tokenizer = copy.deepcopy(warm[1])
    tokenizer.bos_token = "<unk>"  # a token that the embedding has
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<unk> $A", special_tokens=[("<unk>", 2)])
    assert tokenizer("1+1?")["input_ids"] == [2, *tokenizer("1+1?", add_special_tokens=False)["input_ids"]]
    return tokenizer


@pytest.fixture
def reads(warm):
    """A copy of the barely warmed-up policy, and a list of the prompts' token ids that its `generate` is given."""
    model = LlamaForCausalLM(warm[0].config)
    model.load_state_dict(warm[0].state_dict())
    seen, plain = [], model.generate

    def generate(**given):
        for ids, mask in zip(given["input_ids"], given["attention_mask"], strict=True):
            seen.append(ids[mask.bool()].tolist())
        return plain(**given)

    model.generate = generate
    return model, seen


@pytest.fixture
def writes(warm):
    """Makes a policy that writes the given tokens in order, whatever the prompt, and then repeats the last one."""

    def make(tokens):
        config = copy.deepcopy(warm[0].config)
        config.num_hidden_layers, config.tie_word_embeddings = 1, False
        model = LlamaForCausalLM(config)
        with torch.no_grad():
            for layer in model.model.layers:
                layer.self_attn.o_proj.weight.zero_()
                layer.mlp.down_proj.weight.zero_()
            model.model.embed_tokens.weight.zero_()
            model.lm_head.weight.zero_()
            for token in range(config.vocab_size):
                model.model.embed_tokens.weight[token, token] = 1.0
                follows = tokens[min(tokens.index(token) + 1, len(tokens) - 1)] if token in tokens else tokens[0]
                model.lm_head.weight[follows, token] = 100.0
        return model

    return make
