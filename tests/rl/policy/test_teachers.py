"""Teachers that cannot teach are refused in one line, before anything is trained."""

from pathlib import Path

import pytest
import torch

from rewards.parts.shown import right_siblings, shown
from rl import config as configuration
from rl.config.named import missing_on_hub
from rl.errors import UserError
from rl.policy import warm_start
from rl.policy.load import Policy
from rl.policy.teachers import load, shown_ids
from tests.rl.samples import judged_sample

STAR = str(Path(__file__).parents[3] / "configs" / "star.yaml")


@pytest.fixture
def loaded(warm):
    """The first teacher of a config, for the barely warmed-up policy."""

    def make(*overrides):
        config = configuration.load(STAR, overrides)
        return load(config, Policy(warm[0], warm[1], warm[0].config._name_or_path))[0]

    return make


def test_the_base_is_a_copy_that_does_not_learn(warm, loaded):
    teacher = loaded("algorithm.teacher={model: base, prompt: '{prompt}{gold}?'}")
    assert teacher.model is not warm[0] and not teacher.model.training
    assert not any(weight.requires_grad for weight in teacher.model.parameters())
    theirs = teacher.model.state_dict()
    assert all(torch.equal(weight, theirs[name]) for name, weight in warm[0].state_dict().items())
    assert loaded("algorithm.teacher={model: policy, prompt: '{prompt}{gold}?'}").model is None


def test_a_teacher_of_another_vocabulary_is_refused_and_the_token_named(warm, loaded, tmp_path):
    warm[0].save_pretrained(tmp_path)
    of_id = {place: token for token, place in warm[1].get_vocab().items()}
    vocabulary = [of_id[place] for place in sorted(of_id) if of_id[place] not in warm_start.SPECIAL]
    seven, eight = (warm[1].get_vocab()[token] for token in "78")
    swapped = [{"7": "8", "8": "7"}.get(token, token) for token in vocabulary]
    for theirs, said in (
        (
            swapped,
            f"2 of 20 tokens differ; '7' has the id {eight} in the teacher's and has the id {seven} in the policy's",
        ),
        (vocabulary[:-1], f"1 of 20 tokens differ; {vocabulary[-1]!r} is missing in the teacher's and has the id 19"),
    ):
        warm_start.build_tokenizer(tuple(theirs)).save_pretrained(tmp_path)
        with pytest.raises(UserError) as error:
            loaded(f"algorithm.teacher={tmp_path}")
        assert str(error.value).startswith(f"algorithm.teacher: '{tmp_path}' has another vocabulary than the policy")
        assert said in str(error.value)


@pytest.mark.parametrize("name", ["./nowhere", "nobody/nothing"])
def test_a_teacher_that_is_not_there_is_refused(loaded, monkeypatch, name):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match=rf"algorithm\.teacher: .*{name}.*could not be loaded"):
        loaded(f"algorithm.teacher={name}")


def test_check_looks_for_a_teachers_folder_and_names_one_that_the_hub_may_have(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"algorithm\.teacher: no folder './nowhere'"):
        missing_on_hub(configuration.load(STAR, ["algorithm.teacher=./nowhere"]))
    config = configuration.load(STAR, ["algorithm.teacher=[base, nobody/nothing]"])
    assert [key for key, _ in missing_on_hub(config)] == ["algorithm.teacher"]
    assert missing_on_hub(config, coming=["nobody/nothing"]) == []


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("teacher=policy", "the policy in training has nothing to learn from itself; show it more with prompt"),
        ("teacher={model: base, prompt: answer}", "shows no column, so it lacks the question"),
        ("teacher={model: base, prompt: '{gold'}", "cannot be filled in"),
        ("teacher={model: base, beta: 0.2}", "beta is used only with direction: jsd, but the direction is forward"),
        ("teacher={model: base, temperature: 0}", "greater than 0"),
        ("teacher={model: base, direction: backward}", "'backward' is not one; did you mean 'forward'?"),
        ("teacher={model: base, wieght: 1}", "unknown key; did you mean 'weight'?"),
        ("nll_weight=0.5", "algorithm.nll_weight: weighs the likelihood against a teacher; name algorithm.teacher"),
    ],
)
def test_settings_that_make_no_sense_are_refused(override, message):
    with pytest.raises(UserError) as error:
        configuration.load(STAR, [f"algorithm.{override}"])
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("algorithm.prompt_weight=1", "algorithm.prompt_weight"),
        ("trainer.packing=true", "trainer.packing"),
        ("trainer.loss_type=dft", "trainer.loss_type"),
        ("trainer.max_length=20", "trainer.max_length"),
        ("trainer.label_smoothing_factor=0.1", "trainer.label_smoothing_factor"),
    ],
)
def test_a_teacher_is_refused_with_what_it_does_not_go_with(override, key):
    with pytest.raises(UserError, match=rf"{key}: "):
        configuration.load(STAR, ["algorithm.teacher={model: base, prompt: '{prompt}{gold}?'}", override])


def test_what_a_teacher_is_shown_has_to_be_there_and_to_have_tokens_and_room(warm, loaded):
    one = judged_sample("1#1", 1.0, prompt="7*3-4?", ids=[1, 2, 3])
    for prompt, message in (
        ("{prompt}{answer}", "prompt: the row has no column 'answer'"),
        ("{prompt} {gold}", "the tokenizer has no token for some characters of"),
    ):
        teacher = loaded(f"algorithm.teacher={{model: base, prompt: '{prompt}'}}")
        with pytest.raises(UserError, match=message):
            shown_ids([one], teacher, warm[1])
    long = judged_sample("1", 1.0, prompt="7*3-4?", ids=[1] * warm[0].config.max_position_embeddings)
    with pytest.raises(UserError, match=r"the prompt of 'base' and a completion have 518 tokens, but .* holds 512"):
        shown_ids([long], loaded("algorithm.teacher=base"), warm[1])


def test_a_prompt_is_filled_in_once_and_in_a_chat_in_its_last_message():
    row = {"gold": ["4", "four"], "note": "{gold}"}
    assert shown("2+2?", "{prompt} {note} ({gold}) {{}}", row) == "2+2? {gold} (4) {}"
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "2+2?"}]
    assert shown(chat, "{prompt} {sibling}", row, "two") == [chat[0], {"role": "user", "content": "2+2? two"}]


def test_a_sibling_is_right_of_the_same_prompt_and_of_another_text():
    prompts, texts = ["a", "a", "a", "b", "b"], ["x", "y", "x", "z", "z"]
    assert right_siblings(prompts, texts, [True, False, True, True, True]) == [None, "x", None, None, None]
    assert right_siblings(prompts, texts, [True, True, None, None, False]) == ["y", "x", "y", None, None]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["rewards.correctness.credit=token"], "it gives no token scores to credit; these do: teacher"),
        (["rewards.teacher={model: base, credit: sum}"], "it gives no step scores to credit"),
        (["rewards.teacher={model: base, credit: token}", "algorithm=dpo"], "is for grpo and ppo"),
    ],
)
def test_scores_of_tokens_are_credited_where_there_are_some_and_the_algorithm_can_use_them(overrides, message):
    with pytest.raises(UserError, match=message):
        configuration.load(STAR, ["algorithm=grpo", "trainer.max_steps=2", *overrides])
