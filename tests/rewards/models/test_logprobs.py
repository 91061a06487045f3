import pytest
import torch

from rewards.models.logprobs import token_logprobs


def test_log_probabilities_are_those_of_each_token_after_what_is_before_it(warm):
    prompts, completions = [[3, 4], [5], [6, 7, 8]], [[4, 5, 6], [], [8, 9]]
    for prompt, completion, found in zip(
        prompts, completions, token_logprobs(warm[0], prompts, completions), strict=True
    ):
        logits = warm[0](input_ids=torch.tensor([prompt + completion])).logits[0].log_softmax(-1)
        expected = [logits[len(prompt) + i - 1, token].item() for i, token in enumerate(completion)]
        assert found == pytest.approx(expected, abs=1e-5)


def test_log_probabilities_do_not_depend_on_how_many_run_at_once(warm):
    prompts, completions = [[3, 4], [5], [6, 7, 8]], [[4, 5, 6], [7], [8, 9]]
    together = token_logprobs(warm[0], prompts, completions)
    for ours, theirs in zip(token_logprobs(warm[0], prompts, completions, budget=1), together, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
