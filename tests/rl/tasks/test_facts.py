import random
import re

from rl.tasks import facts
from rl.tasks.task import split_of
from verifiers.facts import WORLD, statements

SIZES = {"train": 200, "validation": 30, "test": 30}


def build(seed=0, **habits):
    return facts.build(SIZES, seed, **habits)


def every(task):
    return [row for rows in task.splits.values() for row in rows]


def demonstrations(task, count=300):
    rng = random.Random(0)
    return [task.demonstrate(rng) for _ in range(count)]


def test_the_verifier_accepts_each_gold_answer_and_its_rationale_step_by_step():
    task = build()
    verifier = task.verifier
    for row in every(task):
        (verdict,) = verifier([{**row, "prediction": f"{row['rationale']} Answer: ({row['gold']})"}])
        assert verdict.score == 1.0
        assert verdict.steps and {(step.score, step.reason) for step in verdict.steps} == {(1.0, "true")}


def test_every_wrong_choice_is_wrong():
    task = build()
    verifier = task.verifier
    for row in every(task):
        for choice in row["choices"]:
            (verdict,) = verifier([{**row, "prediction": f" Answer: ({choice['label']})"}])
            assert verdict.score == float(choice["label"] == row["gold"])


def test_splits_are_disjoint_whatever_the_seed_and_in_whatever_order_choices_come():
    for seed in (0, 1):
        for split, rows in build(seed).splits.items():
            assert len(rows) == SIZES[split]
            assert {split_of(row["prompt"]) for row in rows} == {split}
    posed = {}
    for row in every(build(0)) + every(build(1)):
        key = (row["question"], *sorted(choice["text"] for choice in row["choices"]))
        assert posed.setdefault(key, row["prompt"]) == row["prompt"]


def test_the_gold_is_what_the_world_says():
    for row in every(build()):
        world = {choice["label"]: WORLD[row["attribute"]][choice["text"]] for choice in row["choices"]}
        if row["asked"] == "more":
            assert world[row["gold"]] == max(world.values()) and len(world) == len(set(world.values())) == 2
        else:
            assert [label for label, value in world.items() if value == row["asked"]] == [row["gold"]]
            assert len(world) == 3


def test_the_vocabulary_tiles_every_text():
    task = build()
    token = re.compile("|".join(map(re.escape, sorted(task.vocabulary, key=len, reverse=True))))
    texts = [row["prompt"] + row["rationale"] for row in every(task)]
    texts += [prompt + completion for prompt, completion in demonstrations(task)]
    for text in texts:
        assert "".join(token.findall(text)) == text
    assert len(set(task.vocabulary)) == len(task.vocabulary)


def test_demonstrations_show_only_questions_of_train_and_bare_true_statements():
    shown = demonstrations(build())
    assert {split_of(prompt.partition("?")[0] + "?") for prompt, _ in shown if prompt} == {"train"}
    bare = [completion for prompt, completion in shown if not prompt]
    assert 20 < len(bare) < 70  # 15 in 100 of 300, give or take four standard deviations
    told = [s for text in bare for s in statements(text, choices=[], attribute="weighs")]
    assert len(told) == 4 * len(bare) and all(s.true for s in told)


def test_reading_exercises_give_made_up_values_in_the_prompt_and_the_answer_that_follows_from_them():
    shown = demonstrations(build(bare=0.0, reading=1.0))
    against_the_world = 0
    for prompt, completion in shown:
        question, _, told = prompt.partition("?")
        labels = dict(re.findall(r"\((\w)\) (\w+)", question))
        stated = dict(re.findall(r"(\w+) \w+ (\w+)\.", told))
        answer = stated[labels[completion[-2]]]
        assert completion == f" Answer: ({completion[-2]})"
        assert list(stated) == list(labels.values())
        asked = question.split(",")[0].split()[-1]
        assert answer == (max(stated.values()) if asked == "more" else asked)
        assert list(stated.values()).count(answer) == 1
        attribute = question.split()[1]
        against_the_world += any(WORLD[attribute][thing] != value for thing, value in stated.items())
    assert against_the_world > 200


def judged(row, completion):
    (verdict,) = build().verifier([{**row, "prediction": completion}])
    return verdict


def test_the_careful_demonstrator_is_right_and_the_hasty_one_guesses():
    rng = random.Random(0)
    rows = build().splits["train"]
    careful = [judged(row, facts.solve(row, rng, at_once=0.0, careful=1.0, slip=0.0)) for row in rows]
    assert all(v.score == 1.0 and all(s.score == 1.0 for s in v.steps) for v in careful)
    hasty = [judged(row, facts.solve(row, rng, at_once=1.0, careful=0.0, slip=0.0)).score or 0.0 for row in rows]
    assert 0.3 < sum(hasty) / len(hasty) < 0.55  # half of two choices, a third of three


def test_rambling_never_settles_the_question():
    rng = random.Random(0)
    for row in build().splits["train"]:
        verdict = judged(row, facts.solve(row, rng, at_once=0.0, careful=0.0, slip=0.0))
        assert verdict.steps[-1].reason == "the facts that settle it were not stated"
        assert all("irrelevant" in step.reason for step in verdict.steps[:-1])


def test_a_slip_is_a_false_statement_and_the_answer_follows_it():
    rng = random.Random(0)
    row = next(row for row in build().splits["train"] if row["asked"] not in ("more", "less"))
    verdicts = [judged(row, facts.solve(row, rng, at_once=0.0, careful=1.0, slip=1.0)) for _ in range(20)]
    assert all(step.score == 0.0 for verdict in verdicts for step in verdict.steps)
