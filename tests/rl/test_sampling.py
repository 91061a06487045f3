import torch

from rl.sampling import sample


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
    assert {completion.finish for completion in drawn} == {"stop", "length"}
    for completion in drawn:
        ended = completion.ids[-1] == tokenizer.eos_token_id
        assert completion.finish == ("stop" if ended else "length")
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
