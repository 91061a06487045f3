import copy

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaForCausalLM

from rewards.models.stopping import StopStrings, ended, has_stop
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


def test_greedy_decoding_leaves_the_random_numbers_to_those_who_draw_beside_it(warm):
    torch.manual_seed(0)
    wanted = torch.rand(2).tolist()
    torch.manual_seed(0)
    seen = []
    beside = warm[0].register_forward_pre_hook(lambda *_: seen.append(torch.rand(1).item()))
    sample(*warm, ["1+1-2?"], max_tokens=1, temperature=None)
    beside.remove()
    assert [*seen, torch.rand(1).item()] == wanted


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


STORED = {"top_k": 1, "repetition_penalty": 50.0, "no_repeat_ngram_size": 1, "min_p": 1.0, "suppress_tokens": [5]}
"""Generation defaults as they are stored with a model; each would change what is drawn."""


@pytest.fixture
def stored(warm):
    """The barely warmed-up policy with stored generation defaults."""
    model = LlamaForCausalLM(warm[0].config)
    model.load_state_dict(warm[0].state_dict())
    model.generation_config.update(**STORED)
    return model


@pytest.mark.parametrize("how", [{"temperature": None}, {}, {"temperature": 0.7, "top_p": 0.9}])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_models_stored_generation_defaults_do_not_enter(warm, stored, how, wrapped):
    prompts = ["7*3-4+8?", "1+1?"]
    model = get_peft_model(stored, LoraConfig(r=2, target_modules=["q_proj"])) if wrapped else stored
    found = sample(model, warm[1], prompts, count=4, max_tokens=12, **how)
    assert found == sample(*warm, prompts, count=4, max_tokens=12, **how)
    assert {name: getattr(stored.generation_config, name) for name in STORED} == STORED  # and are still saved with it


def test_a_models_own_end_tokens_end_a_completion(warm, stored):
    (greedy,) = sample(*warm, ["7*3-4+8?"], max_tokens=12, temperature=None)[0]
    stored.generation_config.eos_token_id = [greedy.ids[2]]
    (found,) = sample(stored, warm[1], ["7*3-4+8?"], max_tokens=12, temperature=None)[0]
    assert found.ids == greedy.ids[: greedy.ids.index(greedy.ids[2]) + 1] and found.finish_reason == "stop"


def test_a_repetition_penalty_is_of_the_tokens_that_are_there(warm):
    (once,) = sample(*warm, ["7*3-4+8?"], max_tokens=6, temperature=None, repetition_penalty=1e6)[0]
    prompt = warm[1].encode("7*3-4+8?", add_special_tokens=False)
    ids = list(prompt)
    for token in once.ids:  # a token that was there has a positive logit divided, or a negative one multiplied, by 1e6
        logits = warm[0](input_ids=torch.tensor([ids])).logits[0, -1]
        for seen in set(ids):
            logits[seen] = logits[seen] / 1e6 if logits[seen] > 0 else logits[seen] * 1e6
        assert token == int(logits.argmax())
        ids.append(token)


@pytest.mark.parametrize("how", [{"temperature": None}, {"count": 16}])
def test_a_stop_string_ends_a_completion_with_the_token_that_completes_it(warm, how):
    prompts, tokenizer = ["7*3-4+8?", "1+1?"], warm[1]
    whole = sample(*warm, prompts, max_tokens=12, **how)
    found = sample(*warm, prompts, max_tokens=12, stop=["=", "##"], **how)
    assert any("=" in one.text for group in found for one in group)
    for ours, theirs in zip([o for g in found for o in g], [t for g in whole for t in g], strict=True):
        if "=" not in ours.text and "##" not in ours.text:
            assert ours.finish_reason == ("stop" if ours.ids[-1] == tokenizer.eos_token_id else "length")
            continue
        assert ours.finish_reason == "stop"
        assert not has_stop(tokenizer.decode(ours.ids[:-1]), ["=", "##"])
        if how.get("temperature", 1) is None:
            assert ours.ids == theirs.ids[: len(ours.ids)]


@pytest.mark.parametrize("pad", ["<pad>", "<eos>"])
def test_what_pads_after_a_stop_string_is_no_part_of_the_completion(warm, pad):
    tokenizer = copy.deepcopy(warm[1])
    tokenizer.pad_token = pad
    prompts = ["7*3-4+8?", "1+1?", "9*9*9*9*9?"]
    one_by_one = [sample(warm[0], tokenizer, [p], max_tokens=16, temperature=None, stop=["="])[0] for p in prompts]
    assert len({len(one.ids) for (one,) in one_by_one}) > 1
    assert sample(warm[0], tokenizer, prompts, max_tokens=16, temperature=None, stop=["="]) == one_by_one
    assert all(one.text.find("=") in (-1, len(one.text) - 1) for (one,) in one_by_one)


def test_a_stop_string_that_the_prompt_begins_does_not_count(warm):
    tokenizer = warm[1]
    (whole,) = sample(*warm, ["1+1?"], max_tokens=8, temperature=None)[0]
    first = tokenizer.decode(whole.ids[:1])
    (found,) = sample(*warm, ["1+1?"], max_tokens=8, temperature=None, stop=["?" + first])[0]
    assert found == whole


def test_a_stop_string_over_several_tokens_and_bytes_is_found(tokenizer):
    # each letter of é is two bytes, and the tokenizer has a token for each
    ids = tokenizer("quell é, é! koba", add_special_tokens=False)["input_ids"]
    cut, why = ended(ids, [], ["é!"], tokenizer)
    assert tokenizer.decode(cut) == "quell é, é!" and why == "stop"
    assert ended(ids, [], ["zebra"], tokenizer) == (ids, "length")
    criterion = StopStrings(["é!"], tokenizer, start=1)
    assert criterion(torch.tensor([[0, *cut]]), None).tolist() == [True]
    assert criterion(torch.tensor([[0, *cut[:-1]]]), None).tolist() == [False]


def test_nan_logits_are_an_error_and_no_answer(warm):
    model = LlamaForCausalLM(warm[0].config)
    model.lm_head.weight.data.fill_(float("nan"))
    (found,) = sample(model, warm[1], ["1+1?"], max_tokens=4, temperature=None)[0]
    assert found.finish_reason == "error"
