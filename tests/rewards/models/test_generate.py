import pytest
import torch

from rl.sampling.draw import sample


def test_greedy_completions_do_not_depend_on_the_batch(warm):
    prompts = ["7*3-4+8?", "1+1-2?", "9*9*9*9*9?"]
    one_by_one = [sample(*warm, [p], max_tokens=16, temperature=None)[0] for p in prompts]
    assert sample(*warm, prompts, max_tokens=16, temperature=None) == one_by_one


def test_each_prompt_gets_its_own_completions_in_order(warm):
    drawn = sample(*warm, ["1+1-2?", "9*9*9*9*9?", "3-3+3?"], count=5, max_tokens=4, batch=4)
    assert [len(group) for group in drawn] == [5, 5, 5]
    greedy = sample(*warm, ["9*9*9*9*9?"], max_tokens=4, temperature=None)
    assert greedy == sample(*warm, ["1+1-2?", "9*9*9*9*9?"], max_tokens=4, temperature=None)[1:]


def test_a_completion_that_is_cut_off_is_told_apart(warm):
    tokenizer = warm[1]
    drawn = sample(*warm, ["7*3-4+8?"], count=64, max_tokens=12)[0]
    assert {completion.finish_reason for completion in drawn} == {"stop", "length"}
    for completion in drawn:
        ended = completion.ids[-1] == tokenizer.eos_token_id
        assert completion.finish_reason == ("stop" if ended else "length")
        assert ended or len(completion.ids) == 12
        assert tokenizer.eos_token not in completion.text


def test_the_seed_decides(warm):
    def draw(seed):
        return sample(*warm, ["7*3-4+8?"], count=8, max_tokens=12, seed=seed)

    assert draw(1) == draw(1) != draw(2)


def test_training_mode_is_given_back(warm):
    model = warm[0].train()
    sample(model, warm[1], ["1+1-2?"], max_tokens=2)
    assert model.training
    model.eval()
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("how", [{}, {"temperature": None}, {"temperature": 0.5, "top_p": 0.8, "top_k": 3}])
def test_log_probabilities_are_the_models_own_whatever_was_drawn_with(warm, how):
    prompts = ["7*3-4+8?", "1+1?"]
    drawn = sample(*warm, prompts, count=3, max_tokens=10, logprobs=True, **how)
    for prompt, group in zip(prompts, drawn, strict=True):
        for one in group:
            ids = warm[1].encode(prompt, add_special_tokens=False) + one.ids
            logits = warm[0](input_ids=torch.tensor([ids])).logits[0, -len(one.ids) - 1 : -1]
            expected = logits.log_softmax(-1)[range(len(one.ids)), one.ids]
            assert one.logprobs == pytest.approx(expected.tolist(), abs=1e-5)
    assert [[one.ids for one in group] for group in drawn] == [
        [one.ids for one in group] for group in sample(*warm, prompts, count=3, max_tokens=10, **how)
    ]


def test_top_k_of_one_and_min_p_of_one_draw_the_greedy_completion(warm):
    greedy = sample(*warm, ["7*3-4+8?"], max_tokens=12, temperature=None)[0][0].ids
    for how in ({"top_k": 1}, {"min_p": 1.0}):
        assert {tuple(one.ids) for one in sample(*warm, ["7*3-4+8?"], count=8, max_tokens=12, **how)[0]} == {
            tuple(greedy)
        }
