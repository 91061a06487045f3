"""Tiny random models and their tokenizer, for rewards that use a model."""

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    LlamaConfig,
    PreTrainedTokenizerFast,
)

from tests.judge_server import server
from tests.rl.conftest import task, warm

__all__ = ["server", "task", "warm"]

TEXT = "Which weighs more, (A) quell or (B) koba? quell weighs 5. koba weighs 3. Answer: (A) So the answer is quell."
AUTO = {
    "causal": AutoModelForCausalLM,
    "sequence": AutoModelForSequenceClassification,
    "token": AutoModelForTokenClassification,
}


@pytest.fixture(scope="session")
def tokenizer():
    """A byte-level tokenizer with some merges, so that the tokens of a text depend on its neighbours."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<pad>", "<eos>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        [TEXT], trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet)
    )
    return PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token="<pad>", eos_token="<eos>")


@pytest.fixture(scope="session")
def config(tokenizer):
    """Makes the configuration of a Llama of 30,000 parameters; `changes` are keys of it."""

    def make(**changes):
        sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
        room = {"vocab_size": len(tokenizer), "max_position_embeddings": 512}
        return LlamaConfig(
            **{**sizes, **room, "num_key_value_heads": 2, "initializer_range": 0.3, "pad_token_id": 0, **changes}
        )

    return make


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory, tokenizer, config):
    """Makes a folder with a random model under a head, and the tokenizer; equal calls make equal models."""

    def make(head="causal", seed=0, **changes):
        folder = tmp_path_factory.mktemp(head)
        torch.manual_seed(seed)
        AUTO[head].from_config(config(**changes)).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return str(folder)

    return make


@pytest.fixture(scope="session")
def known_folder(tmp_path_factory, tokenizer, config):
    """Makes a folder with a model whose logits at a token are known: they depend on that token alone.

    `logits` has text of one token → its logits, 0 for all others; `words` has, of a causal model, the tokens that they
    are the logits of. The residual stream is the embedding, of root mean square 1, so the last norm changes nothing.
    """

    def make(head, logits, labels=1, words=(), **changes):
        size = config().hidden_size
        outputs = {} if head == "causal" else {"num_labels": labels}
        model = AUTO[head].from_config(config(num_hidden_layers=1, **outputs, **changes))
        rows = [0.0] * labels
        with torch.no_grad():
            for layer in model.model.layers:
                layer.self_attn.o_proj.weight.zero_()
                layer.mlp.down_proj.weight.zero_()
            readout = model.lm_head.weight if head == "causal" else model.score.weight
            readout.zero_()
            for label, row in enumerate([one_id(tokenizer, word) for word in words] or range(labels)):
                readout[row, label] = 1.0
            if head == "token":
                model.score.bias.zero_()
            embedding = model.get_input_embeddings().weight
            known = {one_id(tokenizer, text): values for text, values in logits.items()}
            for token in range(len(tokenizer)):
                first = torch.tensor(known.get(token, rows))
                embedding[token] = 0.0
                embedding[token, : len(first)] = first
                embedding[token, -1] = (size - first.nan_to_num().square().sum()).sqrt()
        folder = tmp_path_factory.mktemp(f"known_{head}")
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return str(folder)

    return make


def one_id(tokenizer, text):
    (token,) = tokenizer(text, add_special_tokens=False)["input_ids"]
    return token


@pytest.fixture(scope="session")
def logprob():
    """The slow route: the log-probability of an answer after a context, by one forward pass over both."""

    def one_pass(model, tokenizer, context, answer):
        before = tokenizer(context)["input_ids"]
        ids = tokenizer(context + answer)["input_ids"]
        assert ids[: len(before)] == before
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids])).logits[0]
        return sum(torch.log_softmax(logits[at - 1], -1)[ids[at]].item() for at in range(len(before), len(ids)))

    return one_pass
