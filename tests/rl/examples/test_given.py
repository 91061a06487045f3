"""Given examples as tokens, judged, chosen and weighted, with the policy's own tokenizer."""

import json

import pytest

from rl import config as configuration
from rl.errors import UserError
from rl.examples.given import load
from rl.policy.load import Policy
from rl.setup import rewards
from rl.tasks import chain

OWN = ["name=x", "task=chain", "policy.model=embedded", "algorithm=sft", "sampling.max_tokens=8"]


@pytest.fixture
def given(warm, task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    policy = Policy(model=warm[0], tokenizer=warm[1], lora=None, path="")

    def load_rows(rows, *overrides, **settings):
        (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        examples = json.dumps({"data": "a.jsonl", **settings})
        config = configuration.load(None, [*OWN, *overrides, f"algorithm.examples={examples}"])
        return load(config, task, policy, rewards(config, task) if config.rewards else None)

    return load_rows


def right_and_wrong(task, right, wrong):
    rows = [{"prompt": row["prompt"], "completion": chain.solve(row["prompt"])} for row in task.splits["train"]]
    wrongly = [{**row, "completion": row["completion"][:-2]} for row in rows[right : right + wrong]]  # no answer
    return rows[:right] + wrongly


def test_a_config_without_examples_has_none(warm, task):
    config = configuration.load(None, [*OWN, "rewards.correctness.weight=1"])
    assert load(config, task, Policy(model=warm[0], tokenizer=warm[1], lora=None, path=""), None) is None


def test_examples_have_the_tokens_that_would_have_been_sampled_and_an_end(given, warm):
    ended = "2+1=3#3" + warm[1].eos_token
    found = given([{"prompt": "1+1?", "completion": "1+1=2#2"}, {"prompt": "2+1?", "completion": ended}])
    plain = warm[1]("1+1=2#2", add_special_tokens=False)["input_ids"]
    assert found.examples[0].ids == [*plain, warm[1].eos_token_id]
    assert [one.ids.count(warm[1].eos_token_id) for one in found.examples] == [1, 1]
    assert found.lines == ["examples: 2 of 2 kept"]


def test_a_completion_that_ends_with_a_stop_string_gets_no_end_as_at_sampling(given, warm):
    rows = [{"prompt": "1+1?", "completion": "1+1=2;"}, {"prompt": "2+1?", "completion": "2+1=3"}]
    ends = [one.ids[-1] == warm[1].eos_token_id for one in given(rows, "sampling.stop=;").examples]
    assert ends == [False, True]


def test_examples_are_judged_where_all_golds_are_known_and_kept_by_the_rules(given, task):
    found = given(right_and_wrong(task, 6, 4))
    assert found.lines == ["examples: 10 of 10 kept, 60.0% of 10 judged right"]
    found = given(right_and_wrong(task, 6, 4), keep={"right": True})
    assert found.lines == ["examples: 6 of 10 kept, 60.0% of 10 judged right · 4 left out: not right"]
    assert [one.index for one in found.examples] == [0, 1, 2, 3, 4, 5]


def test_a_rule_may_ask_a_reward_of_the_run(given, task):
    rows = [*right_and_wrong(task, 2, 0), {"prompt": "1+1?", "completion": "1+1=3#3", "gold": "2"}]
    found = given(rows, "rewards.steps.weight=1", keep={"at_least": {"steps": 0.5}})
    assert len(found.examples) == 2 and found.examples[0].rewards["steps"].value == 1.0


def test_sources_weigh_as_often_as_they_say(given, task, tmp_path):
    rows = right_and_wrong(task, 4, 0)
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in right_and_wrong(task, 10, 0)))
    data = {"few": {"data": "a.jsonl", "weight": 2.5}, "half": {"data": "b.jsonl", "weight": 0.5}}
    found = given(rows, data=data)
    sources = [one.row["source"] for one in found.examples]
    assert (sources.count("few"), sources.count("half")) == (10, 5)
    few, half = (sum(len(one.ids) for one in found.examples if one.row["source"] == name) for name in ("few", "half"))
    assert found.lines[1] == f"examples by source: few 10 with {few} tokens · half 5 with {half} tokens"
    again = given(rows, data=data)
    assert [one.text for one in again.examples] == [one.text for one in found.examples]


@pytest.fixture
def two_forms(given, task, tmp_path):
    """40 long completions of 12 tokens and 100 short ones of 4, mixed."""
    prompts = [row["prompt"] for row in task.splits["train"]]
    long = [{"prompt": prompts[n], "completion": "1+1=2;2+2=4"} for n in range(40)]
    short = [{"prompt": prompts[n % 64], "completion": "4#4"} for n in range(100)]
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in short))

    def mixed(long_share, short_share, **more):
        shares = {"long": {"data": "a.jsonl", "share": long_share}, "short": {"data": "b.jsonl", "share": short_share}}
        return given(long, data=shares, **more)

    return mixed


def sizes(found):
    own = {name: [len(one.ids) for one in found.examples if one.row["source"] == name] for name in ("long", "short")}
    return {name: (len(lengths), sum(lengths)) for name, lengths in own.items()}


def test_a_mix_has_its_shares_by_rows_or_by_tokens(two_forms):
    assert sizes(two_forms(0.2, 0.8)) == {"long": (25, 300), "short": (100, 400)}  # all that the short ones allow
    assert sizes(two_forms(0.2, 0.8, total=50)) == {"long": (10, 120), "short": (40, 160)}
    assert sizes(two_forms(0.5, 0.5, by="tokens", total=240)) == {"long": (10, 120), "short": (30, 120)}
    assert sizes(two_forms(0.5, 0.5, by="tokens")) == {"long": (34, 408), "short": (100, 400)}
    first, again = (two_forms(0.2, 0.8, total=50).examples for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("shares", "more", "message"),
    [
        ((0.5, 0.5), {"total": 100}, "long has 40 rows, but 0.5 of 100 are 50; lower the total or the share"),
        ((0.5, 0.4), {}, "the shares of all sources must be given and sum to 1, got [0.5, 0.4]"),
        ((0.5, None), {}, "the shares of all sources must be given and sum to 1, got [0.5, None]"),
        ((None, None), {"by": "tokens"}, "by and total apply to a mix; give each source its share"),
    ],
)
def test_shares_that_make_no_mix_are_refused(two_forms, shares, more, message):
    with pytest.raises(UserError) as error:
        two_forms(*shares, **more)
    assert message in str(error.value)


def test_pairs_are_pairs_of_samples(given):
    rows = [{"prompt": "1+1?", "chosen": "1+1=2#2", "rejected": "1+1=3#3"}]
    (pair,) = given(rows, "algorithm=dpo").examples
    assert (pair.chosen.text, pair.rejected.text, pair.chosen.prompt) == ("1+1=2#2", "1+1=3#3", "1+1?")


@pytest.mark.parametrize(
    ("completion", "settings", "message"),
    [
        (
            "1+1=2" + "+1" * 2000,
            {},
            "a.jsonl:1: prompt and completion have 4,... tokens, and the model's context holds",
        ),
        ("one and one", {}, "a.jsonl:1: the policy's tokenizer has no token for a part of 'one and one'"),
        ("1+1=2#2", {"keep": {"right": True}}, "a.jsonl:1: no column 'gold', which is needed to judge the examples"),
        ("1+1=2#2", {"keep": {"equal": {"prompt": "x"}}}, "keep: the rules keep none of 1 examples: 1 prompt not x"),
    ],
)
def test_what_the_policy_or_the_rules_cannot_use_is_refused(given, completion, settings, message):
    with pytest.raises(UserError, match=message):
        given([{"prompt": "1+1?", "completion": completion}], **settings)


def test_what_the_policy_cannot_use_is_left_out_and_said_where_the_config_says_so(given):
    rows = [{"prompt": "1+1?", "completion": text} for text in ("one and one", "two", "1+1=2#2")]
    found = given(rows, on_bad_row="skip")
    assert [one.text for one in found.examples] == ["1+1=2#2"]
    assert found.lines[-1].startswith("skipped 2 examples; the first: a.jsonl:1: the policy's tokenizer has no token")
    with pytest.raises(UserError, match=r"examples: no example can be used; the first: a\.jsonl:1: the policy's"):
        given(rows[:2], on_bad_row="skip")


def test_the_seed_of_the_run_decides_what_the_demonstrator_says(given):
    said = [[one.text for one in given([], f"seed={n}", data="demonstrator").examples] for n in (1, 1, 2)]
    assert said[0] == said[1] != said[2]


def test_wrong_steps_that_weigh_less_need_a_gold(given):
    message = r"a\.jsonl:1: no column 'gold', which is needed to judge the examples for wrong_step_weight"
    with pytest.raises(UserError, match=message):
        given([{"prompt": "1+1?", "completion": "1+1=2#2"}], "algorithm.wrong_step_weight=0.5")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "rewards: is needed and not there"),
        (["algorithm.prompts=0", "rewards.correctness.weight=1"], "algorithm.prompts: is 0, so nothing is sampled"),
        (
            ["algorithm.examples={data: a, keep: {best_by: v}}"],
            "best_by ranks a prompt's examples; set per_prompt",
        ),
        (["algorithm.examples=a", "algorithm.prompts=4"], "rewards: is needed and not there"),
        (["algorithm.examples=a", "algorithm.span_weights=[{weight: 0}]"], "give either a pattern or a column"),
        (["algorithm.examples=a", "algorithm.span_weights=[{pattern: '('}]"], "is not a regular expression"),
    ],
)
def test_settings_that_say_nothing_to_fit_on_are_refused(overrides, message):
    with pytest.raises(UserError, match=message):
        configuration.load(None, [*OWN, *overrides])


def test_examples_alone_are_fitted_once_without_sampling_unless_the_config_says_otherwise():
    config = configuration.load(None, [*OWN, "algorithm.examples=a.jsonl"])
    assert (config.algorithm.rounds, config.algorithm.prompts, config.algorithm.samples) == (1, 0, False)
    more = ["algorithm.rounds=2", "algorithm.prompts=8", "rewards.correctness.weight=1"]
    config = configuration.load(None, [*OWN, "algorithm.examples=a.jsonl", *more])
    assert (config.algorithm.rounds, config.algorithm.prompts, config.algorithm.samples) == (2, 8, True)
