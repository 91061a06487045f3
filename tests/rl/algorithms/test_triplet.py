"""The triplet loss: its value, what is compared with what, and the loss of a fit computed independently."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from rewards.models.prompts import prompt_ids
from rewards.sample import Sample
from rl import config as configuration
from rl.algorithms import sft
from rl.algorithms.fit import Fit
from rl.algorithms.triplet import triplet_loss
from rl.errors import UserError
from rl.examples.contrast import contrasts
from tests.rl.samples import judged_sample
from verifiers import abstained, judged

CONFIGS = Path(__file__).parents[3] / "configs"
ON = "algorithm.triplet={weight: 0.5, margin: 1.0}"


def test_a_wrong_completion_is_to_be_farther_by_the_margin_in_cosine_distance():
    anchor = torch.tensor([[2.0, 0.0]] * 3)
    positive, negative = torch.tensor([[3.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), torch.tensor([[0.0, 5], [4, 0], [-1, 0]])
    # cosines to the positive are 1, 0, 1, and to the negative 0, 1, -1
    assert triplet_loss(anchor, positive, negative, 1.0).tolist() == [0.0, 2.0, 0.0]
    assert triplet_loss(anchor, positive, negative, 1.5).tolist() == [0.5, 2.5, 0.0]


def completion(index, text, right=True, ids=(5,)):
    verdict = abstained("no") if right is None else judged(right)
    return Sample({"prompt": f"q{index}"}, text, list(ids), "stop", index=index, verdict=verdict)


def test_an_example_is_contrasted_with_another_right_text_and_a_wrong_one_of_its_problem():
    given = [completion(0, "a"), completion(0, "b"), completion(1, "c"), completion(2, "d"), completion(-1, "e")]
    exam = [
        completion(0, "x", False), completion(0, "n", None), completion(1, "c"), completion(1, "y", False),
        completion(2, "z"), completion(-1, "w", False), completion(0, "empty", False, ids=()),
    ]  # fmt: skip
    found = [None if one is None else (one.positive.text, one.negative.text) for one in contrasts(given, exam, 0)]
    assert found == [("b", "x"), ("a", "x"), None, None, None]
    several = [*exam, completion(0, "x2", False)]
    chosen = {contrasts(given, several, seed)[0].negative.text for seed in range(20)}
    assert chosen == {"x", "x2"} and contrasts(given, several, 3) == contrasts(given, several, 3)


def encoded(warm, text, right=1.0):
    ids = [*warm[1].encode(text, add_special_tokens=False), warm[1].eos_token_id]
    return replace(judged_sample(text, right, ids=ids, prompt="7*3-4?"), index=0)


@pytest.mark.parametrize(("counted", "batches"), [(None, 1), (20, 1), (20, 2), (20, 3)])
def test_the_loss_of_a_fit_is_the_likelihoods_and_the_hinge_of_its_triplets(warm, tmp_path, counted, batches):
    one, other = encoded(warm, "7*3=1;1-4=7#7"), encoded(warm, "3*7=1;1-4=7#7")
    wrong = encoded(warm, "7*3=2#2", 0.0)
    alone = replace(one, index=-1)
    plain, ours = (AutoModelForCausalLM.from_pretrained(warm[0].config._name_or_path).eval() for _ in range(2))

    # with the tokens of all accumulated batches counted, TRL adds their losses, so each has its part of the hinge; the
    # last step of a pass may have fewer batches than the config says
    size = ["trainer.per_device_train_batch_size=3", "trainer.gradient_accumulation_steps=3"]

    def loss(model, *overrides):
        config = configuration.load(CONFIGS / "star.yaml", [*size, *overrides])
        fit = Fit(config, model, None, warm[1], None, tmp_path, 0, [], exam=[wrong])
        trainer = sft.build(fit, [one, other, alone])
        trainer.current_gradient_accumulation_steps = batches
        made = trainer.compute_loss(trainer.model.eval(), next(iter(trainer.get_train_dataloader())), False, counted)
        return made, trainer

    def state(sample):
        ids = prompt_ids(sample.prompt, warm[1]) + sample.ids
        return plain(torch.tensor([ids]), output_hidden_states=True).hidden_states[-1][0, -1]

    a, b, n = state(one), state(other), state(wrong)
    distance = lambda u, v: 1 - (u @ v / (u.norm() * v.norm())).item()  # noqa: E731
    hinge = (max(0, distance(a, b) - distance(a, n) + 1) + max(0, distance(b, a) - distance(b, n) + 1)) / 2
    likelihood, _ = loss(plain)
    whole, trainer = loss(ours, ON)
    assert hinge > 0 and whole.item() == pytest.approx(likelihood.item() + 0.5 * hinge / batches, abs=1e-5)
    assert trainer._metrics["train"]["triplet/share"] == [pytest.approx(2 / 3)]
    assert trainer._metrics["train"]["triplet/loss"] == [pytest.approx(hinge, abs=1e-5)]


def test_a_fit_in_which_nothing_can_be_contrasted_runs_and_says_so(warm, tmp_path):
    said: list[str] = []
    config = configuration.load(CONFIGS / "star.yaml", [ON, "trainer.max_steps=1"])
    model = AutoModelForCausalLM.from_pretrained(warm[0].config._name_or_path)
    fit = Fit(config, model, None, warm[1], None, tmp_path, 0, [], warn=said.append)
    trainer = sft.build(fit, [encoded(warm, "7*3=1;1-4=7#7")])
    trainer.train()
    assert trainer.state.log_history[0]["triplet/loss"] == 0 and "has no effect" in said[0]


def test_it_needs_samples_and_no_teacher():
    for given in (["algorithm.examples=task", "algorithm.prompts=0"], ["algorithm.teacher={model: base}"]):
        with pytest.raises(UserError, match=r"algorithm.triplet: needs wrong samples"):
            configuration.load(CONFIGS / "star.yaml", [ON, *given])
    with pytest.raises(UserError, match=r"trainer.packing: cannot be combined with triplet"):
        configuration.load(CONFIGS / "star.yaml", [ON, "trainer.packing=true"])
