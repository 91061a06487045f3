"""Fits that learn a teacher's distribution: the divergence to the number, and the loss of a batch worked out here."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import KLDivLoss
from transformers import LlamaForCausalLM
from trl.kernels.chunked_divergence import ChunkedDivergenceFunction

from rewards.models.prompts import prompt_ids
from rl import config as configuration
from rl.algorithms import sft
from rl.algorithms.distil import divergence
from rl.algorithms.fit import Fit
from rl.config.teachers import Teacher as TeacherSettings
from rl.errors import UserError
from rl.policy.teachers import Teacher
from tests.rl.samples import judged_sample

CONFIGS = Path(__file__).parents[3] / "configs"
P, Q = [0.5, 0.25, 0.25], [0.25, 0.5, 0.25]
"""Teacher and student over three tokens."""


def logits(probabilities, temperature=1.0):
    """Logits whose softmax at a temperature is a distribution, moved by a constant that changes nothing."""
    return torch.tensor([[temperature * math.log(p) + 3.0 for p in probabilities]])


@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize(
    ("direction", "nats"),
    [
        # 0.5 log 2 + 0.25 log 0.5 = 0.25 log 2 either way round, as the two differ by a swap of two tokens
        ("forward", 0.25 * math.log(2)),
        ("reverse", 0.25 * math.log(2)),
        # m is 3/8, 3/8, 1/4: both halves are 1/2 log 4/3 + 1/4 log 2/3
        ("jsd", 0.5 * math.log(4 / 3) + 0.25 * math.log(2 / 3)),
    ],
)
def test_the_divergence_of_two_distributions_by_hand(direction, nats, temperature):
    found = divergence(logits(Q, temperature), logits(P, temperature), direction, temperature)
    assert found.item() == pytest.approx(temperature**2 * nats, rel=1e-5)


def test_forward_and_reverse_are_not_the_same():
    p, q = [0.8, 0.1, 0.1], [0.4, 0.4, 0.2]
    forward = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    reverse = sum(b * math.log(b / a) for a, b in zip(p, q, strict=True))
    assert forward != pytest.approx(reverse)
    assert divergence(logits(q), logits(p), "forward").item() == pytest.approx(forward, rel=1e-5)
    assert divergence(logits(q), logits(p), "reverse").item() == pytest.approx(reverse, rel=1e-5)


def test_forward_is_torchs_kl_loss_and_all_are_trls():
    student, teacher = torch.randn(2, 7, 11, generator=torch.Generator().manual_seed(0)) * 3
    own = KLDivLoss(reduction="batchmean")((student / 2).log_softmax(-1), (teacher / 2).softmax(-1))
    assert divergence(student, teacher, "forward", 2.0).mean().item() == pytest.approx(4 * own.item(), rel=1e-5)
    for direction, beta in (("forward", 0.0), ("reverse", 1.0), ("jsd", 0.3)):
        one = torch.eye(11)
        theirs, _ = ChunkedDivergenceFunction.apply(
            student, one, None, teacher, one, None, beta, 2.0, 1.0, None, 1.0, None
        )
        ours = divergence(student, teacher, direction, 2.0, beta if direction == "jsd" else 0.5)
        assert torch.allclose(ours, 4 * theirs, rtol=1e-4, atol=1e-6)


@pytest.fixture
def sample(warm):
    return lambda text, prompt="7*3-4?", reward=1.0, **more: judged_sample(
        text, reward, prompt=prompt, ids=[*warm[1].encode(text, add_special_tokens=False), warm[1].eos_token_id], **more
    )


@pytest.fixture
def teacher(warm):
    """A teacher of the policy's shape with weights of its own, in evaluation mode."""
    torch.manual_seed(1)
    model = LlamaForCausalLM(warm[0].config).eval()
    model.requires_grad_(False)
    return lambda **settings: Teacher(TeacherSettings(model="t", **settings), model)


@pytest.fixture
def built(warm, policy, tmp_path):
    """The trainer of a fit with teachers."""

    def make(examples, teachers, *overrides, student=None, warn=print):
        named = [one.settings.model_dump(mode="json") for one in teachers]
        config = configuration.load(
            CONFIGS / "star.yaml", [f"algorithm.teacher={named}".replace("None", "null"), *overrides]
        )
        fit = Fit(config, student or policy(), None, warm[1], None, tmp_path, 0, [], warn, teachers)
        return sft.build(fit, examples)

    return make


def by_hand(student, teachers, prompt, ids, shown=None, nll_weight=1.0, weights=None):
    """The summed loss of one completion, by plain forward passes, one teacher after another."""

    def logprobs(model, before, temperature=1.0):
        given = model(input_ids=torch.tensor([before + ids])).logits[0, len(before) - 1 : -1]
        return (given / temperature).log_softmax(-1)

    weights = torch.tensor(weights or [1.0] * len(ids))
    loss = nll_weight * -logprobs(student, prompt)[torch.arange(len(ids)), torch.tensor(ids)]
    for place, one in enumerate(teachers):
        how = one.settings
        before = shown[place] if shown else prompt
        q, p = (
            logprobs(student, prompt, how.temperature),
            logprobs(one.model or student, before, how.temperature).detach(),
        )
        a, b = (p, q) if how.direction == "forward" else (q, p)
        loss = loss + how.weight * how.temperature**2 * (a.exp() * (a - b)).sum(-1)
    return (weights * loss).sum()


def test_the_loss_of_a_batch_is_what_its_tokens_cost_and_padding_and_prompts_cost_nothing(
    warm, policy, sample, teacher, built
):
    texts = [sample("7*3=1;1-4=7#7"), sample("1#1", prompt="7*3-4+1?"), sample("3-4=9;9#9", prompt="3-4?")]
    teachers = [teacher(temperature=2.0, weight=0.5), teacher(direction="reverse", weight=2.0)]
    student, check = policy(), policy()
    trainer = built(texts, teachers, "algorithm.nll_weight=0.25", student=student)
    made = trainer.compute_loss(trainer.model.eval(), next(iter(trainer.get_train_dataloader())))
    tokens = sum(len(one.ids) for one in texts)
    wanted = sum(by_hand(check, teachers, prompt_ids(one.prompt, warm[1]), one.ids, nll_weight=0.25) for one in texts)
    assert made.item() == pytest.approx(wanted.item() / tokens, abs=1e-5)
    made.backward()
    (wanted / tokens).backward()
    for ours, theirs in zip(student.parameters(), check.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-5)


def test_spans_have_their_weight_in_both_parts_of_the_loss(warm, policy, sample, teacher, built):
    one, teachers = sample("7*3=1#1"), [teacher()]
    half = "algorithm.span_weights=[{pattern: '#.', weight: 0.5}, {pattern: '^7', weight: 0}]"
    trainer = built([one], teachers, half)
    made = trainer.compute_loss(trainer.model.eval(), next(iter(trainer.get_train_dataloader())), num_items_in_batch=20)
    weights = [0.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 1.0]
    wanted = by_hand(policy(), teachers, prompt_ids(one.prompt, warm[1]), one.ids, weights=weights)
    assert made.item() == pytest.approx(wanted.item() / 20, abs=1e-5)


def test_a_teacher_is_shown_its_own_prompt_and_reads_the_same_completion(warm, policy, sample, teacher, built):
    texts = [sample("7*3=1;1-4=7#7"), sample("1#1", prompt="7*3-4+1?")]
    texts = [replace(one, row={**one.row, "gold": gold}) for one, gold in zip(texts, ("7", "12"), strict=True)]
    teachers = [teacher(prompt="{prompt}{gold}?"), teacher(prompt="{gold}?{prompt}", direction="reverse")]
    trainer = built(texts, teachers)
    made = trainer.compute_loss(trainer.model.eval(), next(iter(trainer.get_train_dataloader())))
    wanted = 0.0
    for one, gold in zip(texts, ("7", "12"), strict=True):
        shown = [prompt_ids(text, warm[1]) for text in (f"{one.prompt}{gold}?", f"{gold}?{one.prompt}")]
        wanted += by_hand(policy(), teachers, prompt_ids(one.prompt, warm[1]), one.ids, shown).item()
    assert made.item() == pytest.approx(wanted / sum(len(one.ids) for one in texts), abs=1e-5)


def test_the_policy_itself_teaches_shown_more_without_a_gradient_on_that_side(warm, policy, sample, built):
    one, student, check = sample("7*3=1#1"), policy(), policy()
    teachers = [Teacher(TeacherSettings(model="policy", prompt="{prompt}{gold}?"), None)]
    one = replace(one, row={**one.row, "gold": "7"})
    trainer = built([one], teachers, "algorithm.nll_weight=0", student=student)
    made = trainer.compute_loss(trainer.model.train(), next(iter(trainer.get_train_dataloader())))
    shown = [prompt_ids(f"{one.prompt}7?", warm[1])]
    wanted = by_hand(check, teachers, prompt_ids(one.prompt, warm[1]), one.ids, shown, nll_weight=0) / len(one.ids)
    assert made.item() == pytest.approx(wanted.item(), abs=1e-5) and wanted.item() > 0.01
    made.backward()
    wanted.backward()
    assert all(
        torch.allclose(p.grad, q.grad, atol=1e-5) for p, q in zip(student.parameters(), check.parameters(), strict=True)
    )
    assert trainer.model.training  # it was in evaluation mode as a teacher alone


def test_a_sibling_that_is_right_is_shown_and_a_completion_without_one_is_left_out(
    warm, policy, sample, teacher, built
):
    right, wrong, alone = sample("7*3=1;1-4=7#7"), sample("1#1", reward=0.0), sample("2#2", prompt="2?", reward=0.0)
    teachers, said = [teacher(prompt="{prompt}{sibling}?")], []
    trainer = built([right, wrong, alone], teachers, "algorithm.nll_weight=0", warn=said.append)
    assert said == ["2 of 3 completions have no right sibling to show the teacher; they are left out of the fit"]
    made = trainer.compute_loss(trainer.model.eval(), next(iter(trainer.get_train_dataloader())))
    shown = [prompt_ids("7*3-4?7*3=1;1-4=7#7?", warm[1])]
    wanted = by_hand(policy(), teachers, prompt_ids(wrong.prompt, warm[1]), wrong.ids, shown, nll_weight=0)
    assert made.item() == pytest.approx(wanted.item() / len(wrong.ids), abs=1e-5)
    with pytest.raises(UserError, match="none of 1 completions has a right sibling"):
        built([alone], teachers)


def test_a_fit_brings_the_student_to_its_teacher_which_stays_as_it_is(policy, sample, teacher, built):
    texts = [sample(f"{a}*{b}={a * b % 10}#{a * b % 10}", prompt=f"{a}*{b}?") for a in range(2, 6) for b in range(2, 6)]
    teachers, student = [teacher()], policy()
    before = {name: weight.clone() for name, weight in teachers[0].model.state_dict().items()}
    trainer = built(
        texts, teachers, "algorithm.nll_weight=0", "trainer.max_steps=30", "trainer.learning_rate=5e-3", student=student
    )
    trainer.train()
    said = [row["teacher/forward"] for row in trainer.state.log_history if "teacher/forward" in row]
    assert len(said) == 30 and said[-1] < 0.5 * said[0]
    assert all(torch.equal(weight, before[name]) for name, weight in teachers[0].model.state_dict().items())
    assert not teachers[0].model.training and all(p.grad is None for p in teachers[0].model.parameters())
