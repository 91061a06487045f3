"""Sampling of a round with a stand-in policy that writes given completions."""

import re
import zlib
from types import SimpleNamespace

import pytest
from rich.console import Console

from rewards.building.build import build as build_mix
from rewards.parts.context import Context
from rl.config.algorithms import Sft
from rl.errors import UserError
from rl.rounds import draws
from rl.rounds.draws import Draws
from rl.rounds.rounds import Rounds
from rl.sampling.draw import Completion
from rl.storage.run_folder import RunFolder
from rl.tasks.chain import solve
from tests.rl.samples import judged_sample


def share_done(completions, trainer_state, **columns):
    """A reward of TRL's form that follows the training."""
    return [trainer_state.global_step / trainer_state.max_steps for _ in completions]


ROWS = 10
PROMPTS = 4


@pytest.fixture
def drawn(task, warm, monkeypatch):
    """Draws rounds; each call of the policy is recorded as (prompts, seed, count), its completions are `writes`'s."""
    calls = []

    def sample(model, tokenizer, prompts, *, count, seed, progress, **parameters):
        calls.append((list(prompts), seed, count))
        return [[Completion(text=model(prompt), ids=[1], finish_reason="stop")] * count for prompt in prompts]

    def begin(writes, seed=0, mix=None, **algorithm):
        algorithm = Sft.model_validate({"name": "sft", "prompts": PROMPTS, **algorithm})
        sampling = SimpleNamespace(completions=2, parameters={}, chat_template_kwargs={})
        rows = task.splits["train"][:ROWS]
        run = SimpleNamespace(
            config=SimpleNamespace(algorithm=algorithm, seed=seed, sampling=sampling, trainer={"max_steps": 100}),
            task=SimpleNamespace(splits={"train": rows}, verifier=task.verifier),
            state=SimpleNamespace(process_index=0, num_processes=1),
            console=Console(quiet=True),
            tokenizer=warm[1],
            mix=mix,
            engine=None,
        )
        return lambda number, step=0: Draws(run).draw(number, writes, step=step)

    monkeypatch.setattr(draws, "sample", sample)
    return SimpleNamespace(begin=begin, calls=calls)


def test_rounds_go_on_through_the_shuffled_split_each_with_a_seed_of_its_own(drawn, task):
    draw = drawn.begin(lambda prompt: "#0")
    samples = [draw(number) for number in range(5)]
    places = [sample.index for of_round in samples for sample in of_round[::2]]
    assert len(places) == 5 * PROMPTS and sorted(places[:ROWS]) == list(range(ROWS)) != places[:ROWS]
    assert places[ROWS:] == places[:ROWS]  # the next pass has the same order
    assert [[sample.round for sample in of_round] for of_round in samples] == [[n] * 2 * PROMPTS for n in range(5)]
    seeds = [seed for _, seed, _ in drawn.calls]
    assert len(set(seeds)) == 5
    asked = [prompt for prompts, _, _ in drawn.calls for prompt in prompts]
    assert asked == [task.splits["train"][place]["prompt"] for place in places]
    again = drawn.begin(lambda prompt: "#0")
    assert again(3) == samples[3] and drawn.calls[-1][1] == seeds[3]
    drawn.begin(lambda prompt: "#0", seed=1)(3)
    assert drawn.calls[-1][0] != drawn.calls[3][0] and drawn.calls[-1][1] != seeds[3]


def test_a_weight_that_changes_follows_the_optimizer_steps_of_the_fits_before(drawn, task):
    weights = {"correctness": {"weight": [[0, 1.0], [200, 0.0]]}}
    draw = drawn.begin(solve, mix=build_mix(weights, Context(task.verifier)))
    rewards = [{one.reward for one in draw(number, step)} for number, step in enumerate((0, 50, 150))]
    assert rewards == [{1.0}, {0.75}, {0.25}]
    asked = {"asked": {"function": "tests.rl.rounds.test_draws:share_done"}}
    draw = drawn.begin(solve, mix=build_mix(asked, Context(task.verifier)), step_growth=2.0)
    assert {one.reward for one in draw(1, 350)} == {0.5}  # of 100 + 200 + 400 steps


def test_what_leaks_a_hint_is_dropped_and_what_failed_alone_is_drawn_again(drawn, task):
    gold = {row["prompt"]: row["gold"] for row in task.splits["train"]}
    solved = [row["prompt"] for row in task.splits["train"][:ROWS] if zlib.crc32(row["prompt"].encode()) % 2]

    def writes(prompt):
        if prompt in gold:  # without a hint
            return f"0+0=0#{gold[prompt]}" if prompt in solved else "#no"
        plain = prompt[: prompt.index("?") + 1]
        leaking = plain[0] in "01234"
        return f"#{gold[plain]}" if leaking else f"0+0=0#{gold[plain]}"

    draw = drawn.begin(writes, prompts=ROWS, hints={"template": "{prompt}{gold}?", "completions": 3})
    samples = draw(0)
    (plain, seed, _), (hinted, hinted_seed, count) = drawn.calls
    failed = [prompt for prompt in plain if prompt not in solved]
    assert failed and hinted == [f"{prompt}{gold[prompt]}?" for prompt in failed] and count == 3
    assert hinted_seed != seed
    kept = [sample.prompt for sample in samples if sample.hinted]
    assert kept == [prompt for prompt in failed for _ in range(3) if prompt[0] not in "01234"]
    assert 0 < len(kept) < 3 * len(failed)  # some leaked, some did not


def test_each_problem_is_drawn_under_every_strategy_and_stored_with_its_plain_prompt(drawn, task):
    gold = {row["prompt"]: row["gold"] for row in task.splits["train"]}
    draw = drawn.begin(
        lambda prompt: prompt[-1], strategies={"templates": {"at_once": "{prompt}#", "told": "{prompt}{gold}?"}}
    )
    samples = draw(0)
    (at_once, first, _), (told, second, count) = drawn.calls
    assert first != second and count == 2
    plain = [prompt.removesuffix("#") for prompt in at_once]
    assert told == [f"{prompt}{gold[prompt]}?" for prompt in plain]
    assert [one.prompt for one in samples] == [prompt for _ in range(2) for prompt in plain for _ in range(2)]
    assert [(one.strategy, one.text) for one in samples[:: 2 * PROMPTS]] == [("at_once", "#"), ("told", "?")]


@pytest.mark.parametrize("branched", [True, False])
def test_a_round_is_branched_if_the_algorithm_says_so(drawn, monkeypatch, branched):
    said, plain = [], draws.sample

    def sample(*given, branched=False, **how):
        said.append(branched)
        return plain(*given, **how)

    monkeypatch.setattr(draws, "sample", sample)
    drawn.begin(lambda prompt: "#0", branched=branched)(0)
    assert said == [branched]


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{prompt} by steps", "has no token for some of its characters: '{prompt} by steps'"),
        ("{prompt}{golt}", "the row has no column 'golt'; did you mean 'gold'"),
    ],
)
def test_a_strategy_that_the_policy_cannot_read_or_that_no_row_can_fill_is_refused(drawn, template, why):
    with pytest.raises(UserError, match=re.escape(why)) as refused:
        drawn.begin(lambda prompt: "#0", strategies={"templates": {"steps": template}})(0)
    assert refused.value.where == "algorithm.strategies.templates.steps"


@pytest.mark.parametrize(
    ("pool_rounds", "seen"), [(None, [0, 1, 2, 3]), (1, [3]), (2, [2, 3]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3])]
)
def test_a_fit_sees_as_many_rounds_of_the_pool_as_the_config_says(pool_rounds, seen):
    found = []
    stand_in = SimpleNamespace(
        settings=SimpleNamespace(pool_rounds=pool_rounds),
        chooser=lambda number, pool, samples, policy: (found.extend(pool), ([], {}))[1],
        _sampler=None,
        _earlier=lambda number: Rounds._earlier(stand_in, number),
        _pool=lambda number: [judged_sample(str(number), 1.0, round=number)],
        _record=lambda *rest: None,
    )
    Rounds._choose(stand_in, 3, [judged_sample("3", 1.0, round=3)])
    assert [sample.round for sample in found] == seen


@pytest.mark.parametrize(
    ("reference", "number", "lora", "loaded"),
    [
        ("base", 0, None, [None]),
        ("base", 2, None, [None]),
        ("base", 2, "adapters", []),  # which are switched off for it
        ("last", 0, None, [None]),
        ("last", 0, "adapters", []),
        ("last", 2, None, [1]),
        ("last", 2, "adapters", [1]),
    ],
)
def test_the_reference_of_a_fit_is_the_base_or_the_last_rounds_policy(reference, number, lora, loaded):
    asked = []
    stand_in = SimpleNamespace(
        settings=SimpleNamespace(uses_reference=True, reference=reference),
        load=lambda number: asked.append(number) or "a copy",
    )
    found = Rounds._reference(stand_in, number, lora)
    assert asked == loaded and found == ("a copy" if loaded else None)


@pytest.mark.parametrize(
    ("fit_from", "number", "loaded", "adapters"),
    [("base", 0, None, "new"), ("base", 2, None, "new"), ("last", 0, None, "new"), ("last", 2, 1, None)],
)
def test_a_fit_starts_from_the_base_with_new_adapters_or_goes_on_from_the_last_round(
    fit_from, number, loaded, adapters, tmp_path
):
    asked, fits = [], []
    nothing = SimpleNamespace(log_steps=None)
    stand_in = SimpleNamespace(
        settings=SimpleNamespace(fit_from=fit_from),
        config=SimpleNamespace(trainer={}, seed=0),
        policy=SimpleNamespace(lora="new", tokenizer=None, control=None),
        context=SimpleNamespace(warn=print, teachers=()),
        folder=RunFolder(tmp_path),
        algorithm=SimpleNamespace(build=lambda fit, examples: fits.append(fit)),
        load=lambda number: asked.append(number) or "the policy",
        progress=nothing,
        stop=nothing,
        last_step=0,
        _reference=lambda number, lora: lora,
    )
    Rounds._trainer(stand_in, number, [])
    assert asked == [loaded]
    assert (fits[0].model, fits[0].lora, fits[0].reference) == ("the policy", adapters, adapters)


def test_worked_examples_stand_before_the_prompt_in_the_first_rounds_alone_and_not_in_what_is_learnt(drawn, task):
    draw = drawn.begin(lambda prompt: "#0", few_shot={"text": "1+1?1+1=2#2;"})
    (first, second), rows = (draw(0), draw(1)), task.splits["train"]
    (shown, _, _), (plain, _, _) = drawn.calls
    assert shown == [f"1+1?1+1=2#2;{rows[sample.index]['prompt']}" for sample in first[::2]]
    assert plain == [rows[sample.index]["prompt"] for sample in second[::2]]
    assert all(sample.prompt == rows[sample.index]["prompt"] for sample in first)


def test_worked_examples_stand_before_hinted_prompts_too(drawn, task):
    drawn.begin(lambda prompt: "#no", few_shot={"text": "1+1?1+1=2#2;"}, hints={"template": "{prompt}{gold}?"})(0)
    (_, _, _), (hinted, _, _) = drawn.calls
    assert all(prompt.startswith("1+1?1+1=2#2;") and prompt.count("?") == 3 for prompt in hinted)


def test_examples_that_the_policy_has_no_tokens_for_are_refused(drawn):
    with pytest.raises(UserError, match=r"algorithm\.few_shot\.text: the policy's tokenizer has no token"):
        drawn.begin(lambda prompt: "#0", few_shot={"text": "Q: 1+1"})(0)


def test_a_problem_is_sampled_again_until_its_quotas_are_met_and_no_oftener_than_asked(drawn, task):
    """The stand-in is right on every other problem, so those lack wrong answers and the others right ones."""
    gold = {row["prompt"]: row["gold"] for row in task.splits["train"]}
    solved = sorted(gold)[::2]
    draw = drawn.begin(
        lambda prompt: f"0+0=0#{gold[prompt] if prompt in solved else 'x'}", quota={"right": 1, "wrong": 0, "calls": 3}
    )
    samples = draw(0)
    first, *again = [prompts for prompts, _, _ in drawn.calls]
    unsolved = [prompt for prompt in first if prompt not in solved]
    assert again == ([unsolved] * 2 if unsolved else [])
    assert len(samples) == 2 * (len(first) + 2 * len(unsolved))
    assert len({seed for _, seed, _ in drawn.calls}) == len(drawn.calls)
