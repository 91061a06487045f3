"""Branched sampling: the completions of a prompt begin with its most likely first tokens."""

import pytest
import torch

from rewards.models.generate import SamplingParameters
from rewards.models.processors import FirstTokens
from rl.sampling.draw import sample


def test_each_row_of_a_batch_is_forced_to_the_token_of_its_rank_where_completions_begin():
    scores = torch.tensor([[0.1, 3.0, 2.0], [5.0, 1.0, 4.0], [5.0, 1.0, 4.0]])
    first = FirstTokens(4, [0, 0, 2])(torch.zeros(3, 4, dtype=torch.long), scores)
    inf = -torch.inf
    assert first.tolist() == [[inf, 0.0, inf], [0.0, inf, inf], [inf, 0.0, inf]]
    later = FirstTokens(4, [0, 0, 2])(torch.zeros(3, 5, dtype=torch.long), scores)
    assert later is scores


@pytest.mark.parametrize("how", [{}, {"top_p": 0.01}, {"top_k": 1}, {"temperature": None}])
def test_completions_begin_with_the_most_likely_tokens_in_any_batch(warm, how):
    """Also where top_p or top_k leave one token: transformers applies them after the rank."""
    model, tokenizer = warm
    prompts = ["7*3-4+8?", "9*9?", "1+1-2?"]
    drawn = sample(model, tokenizer, prompts, count=5, batch=4, max_tokens=6, branched=True, **how)
    for prompt, group in zip(prompts, drawn, strict=True):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([tokenizer.encode(prompt, add_special_tokens=False)])).logits[0, -1]
        assert [one.ids[0] for one in group] == logits.topk(5).indices.tolist()


def test_greedy_completions_go_on_as_the_model_would_from_their_first_tokens(warm):
    (group,) = sample(*warm, ["7*3-4?"], count=4, max_tokens=8, branched=True, temperature=None)
    for one in group:
        (alone,) = sample(*warm, [f"7*3-4?{warm[1].decode(one.ids[:1])}"], max_tokens=7, temperature=None)
        assert (one.finish_reason == "stop" and len(one.ids) == 1) or one.ids[1:] == alone[0].ids


def test_branched_completions_are_not_the_models_own_distribution():
    assert SamplingParameters(8).plain and not SamplingParameters(8, branched=True).plain
