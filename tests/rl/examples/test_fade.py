"""Fading: what the prompt shows in each stage, in which order, and that a fit sees it so."""

import random
from dataclasses import replace

import pytest

from rewards.models.prompts import prompt_ids
from rewards.sample import Sample
from rl import config as configuration
from rl.algorithms import sft
from rl.algorithms.fit import Fit
from rl.config.examples import Fade
from rl.errors import UserError
from rl.examples.fade import faded, with_share
from rl.tasks import chain
from tests.test_configs import CONFIGS

TEMPLATE = "{prompt}{facts}"


def sample(number, facts=" a b. c d. e f."):
    return Sample({"prompt": f"q{number}?", "facts": facts}, "done", [], "stop")


def test_each_stage_shows_its_share_of_the_sentences_and_each_pass_has_every_example():
    samples = [sample(n) for n in range(300)]
    order = faded(samples, Fade(template=TEMPLATE, shares=[1.0, 0.5, 0.0], passes=2), seed=0)
    assert len(order) == 1800
    for stage, share in enumerate([1.0, 0.5, 0.0]):
        for at in range(2):
            part = order[(2 * stage + at) * 300 :][:300]
            assert sorted(one.prompt.partition("?")[0] for one in part) == sorted(f"q{n}" for n in range(300))
            shown = sum(one.prompt.count(".") for one in part) / 900
            assert shown == pytest.approx(share, abs=0.06)
    assert order[0].prompt.endswith("? a b. c d. e f.") and order[-1].prompt.endswith("?")
    assert [one.prompt for one in order[:300]] != [f"{one.prompt} a b. c d. e f." for one in samples]  # shuffled


def test_the_seed_decides_what_is_shown():
    samples, fade = [sample(n) for n in range(9)], Fade(template=TEMPLATE, shares=[0.5])
    said = [[one.prompt for one in faded(samples, fade, seed)] for seed in (0, 0, 1)]
    assert said[0] == said[1] != said[2]


def test_sentences_are_cut_whole_and_the_rest_of_the_row_stays():
    one = with_share(sample(1), TEMPLATE, 0.5, random.Random(3))
    assert {f"{part}." for part in one.prompt[3:].split(".") if part} < {" a b.", " c d.", " e f."}
    assert one.row["facts"] == " a b. c d. e f." and one.text == "done"
    assert with_share(sample(1, "no stop"), TEMPLATE, 1.0, random.Random(0)).prompt == "q1?no stop"


def test_in_a_chat_the_last_message_is_filled_in():
    chat = replace(sample(1), row={"prompt": [{"role": "user", "content": "q?"}], "facts": " a."})
    assert with_share(chat, TEMPLATE, 1.0, random.Random(0)).prompt == [{"role": "user", "content": "q? a."}]


def test_a_column_that_an_example_lacks_is_named():
    with pytest.raises(UserError, match=r"fade.template: the row has no column 'fact'; .*facts"):
        with_share(sample(1), "{prompt}{fact}", 1.0, random.Random(0))


@pytest.mark.parametrize("template", ["{prompt}", "{facts}", "none", "{prompt}{"])
def test_a_template_shows_the_prompt_and_a_column(template):
    with pytest.raises(ValueError, match=r"prompt and a column|cannot be filled|shows no column"):
        Fade(template=template)


def test_a_fit_sees_the_stages_in_their_order(warm, tmp_path):
    tokenizer = warm[1]
    samples = [
        Sample({"prompt": p, "working": "1+1;"}, (t := chain.solve(p)), tokenizer(t)["input_ids"], "stop")
        for p in ("1+2?", "3+4?", "5+6?", "7+8?")
    ]
    fade = "{template: '{working}{prompt}', shares: [1, 0]}"
    own = [f"algorithm.examples.fade={fade}", "trainer.max_steps=-1", "trainer.per_device_train_batch_size=2"]
    config = configuration.load(CONFIGS / "papers" / "student.yaml", ["algorithm.examples.data=task", *own])
    trainer = sft.build(Fit(config, warm[0], None, tokenizer, None, tmp_path, 0, []), samples)
    assert trainer.args.num_train_epochs == 1
    seen = [
        tokenizer.decode(ids)[:4] == "1+1;" for batch in trainer.get_train_dataloader() for ids in batch["input_ids"]
    ]
    assert seen == [True] * 4 + [False] * 4
    assert prompt_ids(samples[0].prompt, tokenizer)  # the examples themselves keep their plain prompts


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.max_steps=3", "trainer.max_steps: algorithm.examples.fade sets the length"),
        ("algorithm.prompts=4", "algorithm.examples.fade: works only with sft on given examples alone"),
    ],
)
def test_what_does_not_go_with_it_is_refused(override, message):
    with pytest.raises(UserError, match=message):
        configuration.load(CONFIGS / "papers" / "skintern.yaml", [override, "rewards.correctness.weight=1"])
