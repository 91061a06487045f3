"""Sequences that share a prompt, packed into rows: laid out as worked out by hand, and never another number."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from rewards.models.attention import attends_where_told
from rewards.models.shared_prompts import IGNORED, Size, packed

SMALL = Size(hidden=32, layers=2)
LARGE = Size(hidden=576, layers=30)


def sequences(prompts, completions, of):
    """Left-padded prompts and right-padded completions, and their mask; `of` names each completion's prompt."""
    widest, width = max(map(len, prompts)), max(map(len, completions))
    rows, mask = [], []
    for number, completion in zip(of, completions, strict=True):
        left, right = widest - len(prompts[number]), width - len(completion)
        rows.append([9] * left + prompts[number] + completion + [9] * right)
        mask.append([0] * left + [1] * (widest + width - left - right) + [0] * right)
    return torch.tensor(rows), torch.tensor(mask), width


def test_a_row_holds_the_prompt_once_and_its_last_token_before_each_completion():
    ids, mask, width = sequences([[1, 2, 3]], [[4, 5], [6]], [0, 0])
    rows = packed(ids, mask, width, SMALL, always=True)
    assert rows.ids_CL.tolist() == [[1, 2, 3, 4, 5, 3, 6]]
    assert rows.positions_CL.tolist() == [[0, 1, 2, 3, 4, 2, 3]]
    assert rows.labels_CL.tolist() == [[IGNORED, IGNORED, IGNORED, 4, 5, IGNORED, 6]]
    assert rows.places_RT.tolist() == [[2, 3], [5, 0]]
    assert rows.mask_RT.tolist() == [[1, 1], [1, 0]]
    assert rows.attends_C1LL[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 0, 1, 0],
        [1, 1, 0, 0, 0, 1, 1],
    ]
    assert rows.unpacked(torch.arange(7.0).unsqueeze(0) + 1).tolist() == [[3.0, 4.0], [6.0, 0.0]]


def test_prompts_that_stand_apart_in_the_batch_and_differ_in_length_have_a_row_each():
    ids, mask, width = sequences([[1, 2, 3], [7]], [[4], [5, 6], [4, 4]], [0, 1, 0])
    rows = packed(ids, mask, width, SMALL, always=True)
    assert rows.ids_CL.tolist() == [[1, 2, 3, 4, 3, 4, 4], [7, 5, 6, 0, 0, 0, 0]]
    assert rows.places_RT.tolist() == [[2, 0], [7, 8], [4, 5]]


def test_a_completion_without_tokens_takes_no_place_in_the_result():
    ids, mask, width = sequences([[1, 2]], [[4], [3]], [0, 0])
    mask[1, -1] = 0
    rows = packed(ids, mask, width, SMALL, always=True)
    assert rows.unpacked(torch.ones(rows.ids_CL.shape)).tolist() == [[1.0], [0.0]]


def test_masked_tokens_within_a_completion_are_left_to_the_plain_way():
    ids, mask, width = sequences([[1, 2]], [[4, 5, 6], [3, 3, 3]], [0, 0])
    mask[0, 3] = 0
    assert packed(ids, mask, width, SMALL, always=True) is None


def batch(*, prompt, completion, group, prompts=1):
    return sequences([[p] * prompt for p in range(prompts)], [[5] * completion] * (group * prompts), [
        p for p in range(prompts) for _ in range(group)
    ])  # fmt: skip


def test_packing_is_chosen_where_it_saves_operations():
    assert packed(*batch(prompt=100, completion=30, group=8), LARGE) is not None
    assert packed(*batch(prompt=4, completion=200, group=8), LARGE) is None  # little is shared
    assert packed(*batch(prompt=100, completion=30, group=1), LARGE) is None  # nothing is shared
    assert packed(*batch(prompt=100, completion=30, group=8), SMALL) is None  # the model is too small to care


def test_completions_of_a_prompt_take_several_rows_where_attention_over_one_would_cost_more():
    rows = packed(*batch(prompt=400, completion=400, group=32), LARGE, always=True)
    lengths = {400 - 1 + n * 401: n for n in range(1, 33)}
    assert 1 < lengths[rows.ids_CL.shape[1]] < 32
    costs = {n: -(-32 // n) * LARGE.operations(length) for length, n in lengths.items() if n in (1, 2, 4, 8, 16, 32)}
    assert lengths[rows.ids_CL.shape[1]] == min(costs, key=costs.__getitem__)


def test_operations_of_a_pass_worked_out_by_hand():
    # 2 layers, 3 tokens: 24 · 4² + 4 · 3 · 4 = 432 per token and layer
    assert Size(hidden=4, layers=2).operations(3) == 2 * 3 * 432


def llama(**more):
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=12, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                    num_key_value_heads=2, **more)
    )  # fmt: skip


def learnt_positions(**more):
    return GPT2LMHeadModel(GPT2Config(vocab_size=12, n_positions=32, n_embd=32, n_layer=2, n_head=4, **more))


def with_adapters(**more):
    model = get_peft_model(llama(**more), LoraConfig(r=2, target_modules=["q_proj", "up_proj"]))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # which begin at zero
            torch.nn.init.normal_(parameter, std=0.1)
    return model


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", [llama, learnt_positions, with_adapters], ids=lambda kind: kind.__name__)
def test_log_probabilities_and_gradients_are_those_of_single_sequences(kind, attention):
    torch.manual_seed(0)
    model = kind(attn_implementation=attention).eval()
    prompts = [torch.randint(0, 12, (n,)).tolist() for n in (7, 3)]
    completions = [torch.randint(0, 12, (n,)).tolist() for n in (4, 1, 6, 5, 2)]
    of = [0, 1, 0, 1, 0]
    ids, mask, width = sequences(prompts, completions, of)
    weights = torch.randn(len(of), width)

    def by_rows():
        rows = packed(ids, mask, width, SMALL, always=True)
        logprobs = model(**rows.inputs(model)).logits.log_softmax(-1)
        labels = torch.nn.functional.pad(rows.labels_CL[:, 1:], (0, 1)).clamp(min=0)
        return rows.unpacked(logprobs.gather(2, labels.unsqueeze(2)).squeeze(2))

    def one_by_one():
        found = torch.zeros(len(of), width)
        for row, (number, completion) in enumerate(zip(of, completions, strict=True)):
            text = torch.tensor([prompts[number] + completion])
            logprobs = model(input_ids=text).logits[0].log_softmax(-1)[len(prompts[number]) - 1 : -1]
            found[row, : len(completion)] = logprobs.gather(1, torch.tensor(completion).unsqueeze(1)).squeeze(1)
        return found

    def gradients(run):
        model.zero_grad()
        found = run()
        (found * weights).sum().backward()
        return found.detach(), [p.grad.clone() for p in model.parameters() if p.requires_grad]

    (wanted, wanted_gradients), (got, got_gradients) = gradients(one_by_one), gradients(by_rows)
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)
    for one, two in zip(got_gradients, wanted_gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_a_sliding_window_or_positions_in_the_mask_do_not_let_a_model_pack():
    sizes = {"vocab_size": 12, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2}  # fmt: skip
    assert attends_where_told(MistralForCausalLM(MistralConfig(**sizes, sliding_window=None)))
    assert not attends_where_told(MistralForCausalLM(MistralConfig(**sizes, sliding_window=4)))
    assert not attends_where_told(llama(attn_implementation="flex_attention"))
