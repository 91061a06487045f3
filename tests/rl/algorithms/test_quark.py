"""Quark: its loss against one worked out here, its tokens in tokenizer and model, and what its config refuses."""

import copy
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from rewards.models.prompts import prompt_ids
from rewards.sample import Judgement
from rl import config as configuration
from rl.algorithms import quark
from rl.algorithms.fit import Fit
from rl.errors import UserError
from rl.examples.ranks import Ranked
from rl.policy.control import Conditioned, Control, add_embeddings, add_tokens, new_control, save, saved
from rl.sampling.draw import sample
from tests.rl.samples import judged_sample

CONFIG = Path(__file__).parents[3] / "configs" / "quark.yaml"


def settings(*overrides):
    return configuration.load(CONFIG, overrides)


@pytest.fixture
def tokenizer(warm, tmp_path):
    """A copy of the warm policy's tokenizer, to which tokens may be added."""
    warm[1].save_pretrained(tmp_path / "tokenizer")
    return AutoTokenizer.from_pretrained(tmp_path / "tokenizer")


@pytest.fixture
def policy(warm):
    """A copy of the warm policy at each call, with a configuration of its own, which new tokens change."""
    return lambda: copy.deepcopy(warm[0])


@pytest.fixture
def conditioned(policy, tokenizer):
    """A policy with the control tokens of the config, its tokenizer, and the tokens."""
    model = policy()
    control = new_control(settings().algorithm.control, model, tokenizer, seed=0)
    return model, tokenizer, control


def by_hand(student, reference, told, plain, ids, vocabulary, kl, entropy):
    """The summed loss of one completion, by plain forward passes, and its parts."""

    def logits(model, before):
        return model(input_ids=torch.tensor([before + ids])).logits[0, len(before) - 1 : -1]

    given = logits(student, told)
    nll = -given.log_softmax(-1)[torch.arange(len(ids)), torch.tensor(ids)]
    p = given[:, :vocabulary].softmax(-1)
    q = logits(reference, plain)[:, :vocabulary].softmax(-1).detach()
    divergence = (p * (p.log() - q.log())).sum(-1)
    spread = -(p * p.log()).sum(-1)
    return (nll + kl * divergence - entropy * spread).sum(), nll.sum(), divergence.sum(), spread.sum()


@pytest.mark.parametrize(
    ("kl", "entropy", "place"), [(0.1, 0.06, "completion"), (0.5, 0.0, "prompt"), (0.0, 0.1, "prompt")]
)
def test_the_loss_of_a_batch_is_that_of_the_papers(conditioned, tmp_path, kl, entropy, place):
    student, tokenizer, control = conditioned
    control = Control(control.ids, place)
    torch.manual_seed(3)
    reference = LlamaForCausalLM(student.config).eval()
    check = LlamaForCausalLM(student.config)
    check.load_state_dict(student.state_dict())
    eos = tokenizer.eos_token_id
    texts = [
        Ranked(judged_sample("a", 1.0, prompt=prompt, ids=[*tokenizer.encode(text), eos]), ranks)
        for prompt, text, ranks in [
            ("7*3-4?", "7*3=1;1-4=7#7", {"correctness": 1, "steps": 2}),
            ("7*3-4+1?", "1#1", {"correctness": 2, "steps": 5}),
        ]
    ]
    config = settings(f"algorithm.kl={kl}", f"algorithm.entropy={entropy}")
    fit = Fit(config, student, reference, tokenizer, None, tmp_path, 0, [], control=control)
    trainer = quark.build(fit, texts)
    made = trainer.compute_loss(trainer.model.eval(), next(iter(trainer.get_train_dataloader())))
    parts = []
    for one in texts:
        plain = prompt_ids(one.sample.prompt, tokenizer)
        tokens = [
            control.ids["correctness"][one.ranks["correctness"] - 1],
            control.ids["steps"][one.ranks["steps"] - 1],
        ]
        told = plain + tokens if place == "completion" else tokens + plain
        parts.append(by_hand(check, reference, told, plain, one.sample.ids, control.first, kl, entropy))
    count = sum(len(one.sample.ids) for one in texts)
    loss, *others = (sum(of) / count for of in zip(*parts, strict=True))
    assert made.item() == pytest.approx(loss.item(), abs=1e-5)
    logged = trainer._metrics["train"]
    for name, value in zip(("nll", "kl", "entropy"), others, strict=True):
        if name != "kl" or kl:
            assert logged[name] == [pytest.approx(value.item(), abs=1e-5)]
    made.backward()
    loss.backward()
    for ours, theirs in zip(student.parameters(), check.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-5)
    assert all(parameter.grad is None for parameter in reference.parameters())


def test_new_embeddings_are_drawn_like_the_known_ones_and_leave_these_as_they_are(policy, tokenizer):
    model, old = policy(), policy()
    control = add_tokens(settings("algorithm.control.cuts={steps: 400}").algorithm.control, tokenizer)
    add_embeddings(model, control, seed=1)
    known, weight = old.get_input_embeddings().weight, model.get_input_embeddings().weight
    assert torch.equal(weight[: control.first], known) and len(weight) == len(tokenizer) == control.first + 402
    new = weight[control.first :]
    assert torch.allclose(new.mean(0), known.mean(0), atol=0.2 * known.std().item())
    assert torch.allclose(new.std(0), known.std(0, correction=0), rtol=0.2)
    again = policy()
    add_embeddings(again, control, seed=1)
    assert torch.equal(again.get_input_embeddings().weight, weight)
    assert model.get_output_embeddings().weight is weight  # tied before, and still


def test_control_tokens_are_never_sampled_nor_part_of_a_text(conditioned):
    model, tokenizer, control = conditioned
    with torch.no_grad():  # a policy that wants to write nothing else
        model.get_input_embeddings().weight[control.first :] *= 50
    drawn = sample(
        model, tokenizer, ["7*3-4?"] * 8, count=4, max_tokens=8, conditioned=control.on(control.best(["steps"]))
    )
    tokens = {token for group in drawn for one in group for token in one.ids}
    assert tokens and not tokens & set(control.all)
    greedy = sample(model, tokenizer, ["7*3-4?"], max_tokens=8, temperature=None, conditioned=control.on([]))
    assert not set(greedy[0][0].ids) & set(control.all)
    assert tokenizer.decode([control.first, *greedy[0][0].ids], skip_special_tokens=True) == greedy[0][0].text


def steered(conditioned, folder, *, permuted):
    """Share of chains that begin as the good half of a pool does, on the best and on the worst token, after a fit."""
    model, tokenizer, control = copy.deepcopy(conditioned)
    reference = copy.deepcopy(model)
    pool = []
    for place, prompt in enumerate(f"{a}*{b}-{c}?" for a in range(2, 6) for b in range(2, 6) for c in (3, 4)):
        text, value = ("7#7", 1.0) if place % 2 else ("2#2", 0.0)
        ids = [*tokenizer.encode(text), tokenizer.eos_token_id]
        said = {name: Judgement(value, "judged") for name in ("steps", "correctness")}
        pool.append(judged_sample(text, value, prompt=prompt, ids=ids, rewards=said))
    given = ["trainer.max_steps=30", "trainer.per_device_train_batch_size=16", "trainer.learning_rate=5e-3"]
    config = settings(*given, "algorithm.control.quantiles=2", f"algorithm.control.permuted={permuted}")
    chosen, _ = quark.examples(pool, config.algorithm)
    quark.build(Fit(config, model, reference, tokenizer, None, folder, 0, [], control=control), chosen).train()
    prompts = [one.prompt for one in pool]
    shares = []
    for tokens in (control.best(["correctness", "steps"]), [control.ids["correctness"][1], control.ids["steps"][1]]):
        drawn = sample(model, tokenizer, prompts, max_tokens=4, temperature=None, conditioned=control.on(tokens))
        shares.append(sum(one.text.startswith("7") for (one,) in drawn) / len(drawn))
    return shares


def test_the_best_tokens_bring_out_the_better_half_of_the_pool_and_permuted_ones_do_not(conditioned, tmp_path):
    best, worst = steered(conditioned, tmp_path, permuted=False)
    assert best > 0.9 and worst < 0.1
    best, worst = steered(conditioned, tmp_path / "permuted", permuted=True)
    assert abs(best - worst) < 0.5


def test_where_tokens_stand():
    behind, before = (Conditioned([8, 9], place, 1, []) for place in ("completion", "prompt"))
    assert behind.put([1, 2]) == [1, 2, 8, 9]
    assert before.put([1, 2]) == [1, 8, 9, 2] and before.put([2, 1]) == [8, 9, 2, 1]


def test_a_saved_policy_loads_in_plain_transformers_and_says_its_best_tokens(conditioned, tmp_path):
    model, tokenizer, control = conditioned
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    save(tmp_path, control, ["steps", "correctness"], tokenizer)
    again, words = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    best = words.encode("<steps_1><correctness_1>", add_special_tokens=False)
    assert saved(tmp_path, words) == control.on(best) and best == control.best(["steps", "correctness"])
    prompt = torch.tensor([[*words.encode("7*3?"), *best]] * 16)
    written = again.generate(prompt, max_new_tokens=4, do_sample=True)[:, prompt.shape[1] :]
    assert written.numel() and not set(written.flatten().tolist()) & set(control.all)
    assert saved(tmp_path / "elsewhere", words) is None
    with pytest.raises(UserError, match="the policy's tokenizer already has <correctness_1>"):
        new_control(settings().algorithm.control, again, words, seed=0)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["algorithm.control.quantiles=1"], r"algorithm.control.quantiles: input should be greater than or equal to 2"),
        (["algorithm.control.cuts={steps: 1}"], r"algorithm.control.cuts"),
        (["algorithm.control.cuts={stps: 3}"], r"algorithm.control.cuts: 'stps' is not one of the rewards.*steps"),
        (["algorithm.control.tokens=[stps]"], r"algorithm.control.tokens: 'stps' is not one of the rewards.*steps"),
        (["algorithm.control.tokens=[steps, steps]"], r"tokens: steps is named twice"),
        (["algorithm.control.cuts={steps: [0.5, 0.5]}"], r"steps: the values to cut at must rise"),
        (["algorithm.control.tokens=[]", "algorithm.control.permuted=true"], r"permuted: there are no tokens"),
        (["algorithm.at_least={right: 1}"], r"algorithm.at_least: 'right' is not one of the rewards"),
        (["algorithm.control.stages=[[steps]]"], r"expected each of correctness, steps once, got \['steps'\]"),
        (["algorithm.control.stages=[[steps],[correctness]]", "algorithm.control.stage_rounds=4"],
         r"algorithm.control.stages: the last one begins in round 5, but there are 4"),
        (["algorithm.control.stage_rounds=2"], r"stage_rounds and stage_side apply to stages"),
        (["algorithm.control.place=answer"], r"algorithm.control.place"),
        (["policy.lora.r=4"], r"policy.lora: freezes embeddings, but those of control tokens must be learnt"),
        (["sampling.engine=vllm"], r"sampling.engine: may draw control tokens"),
        (["algorithm.prompts=0"], r"algorithm.prompts: is 0, and quark learns from a pool"),
        (["trainer.packing=true"], r"trainer.packing: does not work with quark"),
        (["trainer.max_length=64"], r"trainer.max_length: does not work with quark"),
        (["rewards.mix={kind: correctness}"], r"rewards.mix: is quark's name for the mix of all rewards"),
    ],
)  # fmt: skip
def test_what_is_set_wrongly_is_refused_before_anything_is_loaded(overrides, said):
    with pytest.raises(UserError, match=said):
        settings(*overrides)
