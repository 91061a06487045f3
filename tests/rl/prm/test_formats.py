import json

import pytest

from rl.errors import UserError
from rl.prm.formats import read
from rl.prm.labelled import answer_of, labelled, problem_of, verified_labels, write


def saved(tmp_path, *rows):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def labels(sample):
    return [(sample.text[s.start : s.end], s.score) for s in sample.labels]


@pytest.mark.parametrize("names", [("problem", "label"), ("question", "first_error_step")])
def test_processbench_labels_nothing_after_the_first_wrong_step(tmp_path, names):
    row = {"id": "x-1", names[0]: "1+1+1?", "steps": ["a", "b", "c"], names[1]: 1, "final_answer_correct": False}
    (sample,) = read(saved(tmp_path, row), "processbench")
    assert labels(sample) == [("a", 1.0), ("b", 0.0), ("c", None)]
    assert sample.prompt == "1+1+1?\n" and sample.right is False and sample.row["id"] == "x-1"


def test_math_shepherd_takes_marks_from_the_label(tmp_path):
    text = "Two and two? Step 1: 2 + 2 = 4. {}\nStep 2: The answer is: 5 {}"
    row = {"input": text.format("ки", "ки"), "label": text.format("+", "-"), "task": "GSM8K"}
    (sample,) = read(saved(tmp_path, row), "math_shepherd")
    assert sample.prompt == "Two and two?\n" and sample.right is False
    assert labels(sample) == [("Step 1: 2 + 2 = 4.", 1.0), ("Step 2: The answer is: 5", 0.0)]


def test_prm800k_counts_every_rating_once(tmp_path):
    steps = [
        {"completions": [{"text": "good", "rating": 1}, {"text": "bad", "rating": -1}], "chosen_completion": 0},
        {"completions": [], "human_completion": {"text": "by hand"}, "chosen_completion": None},
        {"completions": [{"text": "so so", "rating": 0}], "chosen_completion": None, "human_completion": None},
    ]
    row = {"question": {"problem": "Why?"}, "label": {"steps": steps, "finish_reason": "solution"}}
    other, main = read(saved(tmp_path, row), "prm800k", separator="\n\n")
    assert labels(other) == [("bad", 0.0)]
    assert labels(main) == [("good", 1.0), ("by hand", 1.0), ("so so", 1.0)]


def test_stepwise(tmp_path):
    (sample,) = read(saved(tmp_path, {"prompt": "q ", "completions": ["a", "b"], "labels": [True, False]}), "stepwise")
    assert labels(sample) == [("a", 1.0), ("b", 0.0)] and sample.prompt == "q "


@pytest.mark.parametrize("name", ["labels.jsonl", "labels.parquet"])
def test_our_own_format_comes_back_as_it_was_written(tmp_path, name):
    row = {"problem": "1+1+1?", "steps": ["a", "b", "c"], "label": 1}
    samples = read(saved(tmp_path, row), "processbench")
    write(tmp_path / name, samples)
    assert read(str(tmp_path / name), "whetstone") == samples


@pytest.mark.parametrize(
    ("form", "row", "what"),
    [
        ("processbench", {"problem": "q", "steps": ["a"], "label": 3}, "got 3 of 1 steps"),
        ("processbench", {"problem": "q", "steps": ["a"]}, "first_error_step"),
        ("math_shepherd", {"input": "q Step 1: a ки", "label": "q Step 1: a ?"}, "mark of step 0, got '?'"),
        ("math_shepherd", {"input": "q Step 1: a ки", "label": "q Step 1: b +"}, "differ at step 0"),
        ("whetstone", {"prompt": "q", "completion": "ab", "steps": [{"start": 0, "end": 5, "label": 1}]}, "in order"),
        ("whetstone", {"prompt": "q", "completion": "ab"}, "no 'steps'"),
    ],
)
def test_a_row_of_another_format_is_named_with_its_line(tmp_path, form, row, what):
    path = saved(tmp_path, row)
    with pytest.raises(UserError, match=r":1: not a row of") as error:
        read(path, form)
    assert what in str(error.value)


def test_a_question_may_say_step_1_itself(tmp_path):
    text = "Step 1: is to add two and two. What is Step 2: ? Step 1: 2 + 2 = 4. {}\nStep 2: 4 {}"
    row = {"input": text.format("ки", "ки"), "label": text.format("+", "-")}
    (sample,) = read(saved(tmp_path, row), "math_shepherd")
    assert sample.prompt == "Step 1: is to add two and two. What is Step 2: ?\n"
    assert labels(sample) == [("Step 1: 2 + 2 = 4.", 1.0), ("Step 2: 4", 0.0)]


def turns(*texts):
    roles = ("user", "assistant")
    return [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]


STEPS = turns("Two and two? Step 1: 2 + 2 = 4.", "+", "Step 2: So 5.", " -\n")


@pytest.mark.parametrize(
    "row",
    [
        {"conversations": STEPS},
        {"messages": [{"role": "system", "content": "Judge."}, *STEPS]},
        {"conversations": [{"from": {"user": "human"}.get(t["role"], "gpt"), "value": t["content"]} for t in STEPS]},
        {"messages": [*turns("Two and two?"), *turns("Step 1: 2 + 2 = 4.", "+", "Step 2: So 5.", "-")]},
        {"messages": turns("Two and two? Step 1: 2 + 2 = 4.", "+", "Step 2: So 5.", "-"), "id": 3},
    ],
)
def test_turns_of_steps_and_marks(tmp_path, row):
    (sample,) = read(saved(tmp_path, row), "conversation")
    assert sample.prompt == "Two and two?\n" and sample.right is False
    assert labels(sample) == [("Step 1: 2 + 2 = 4.", 1.0), ("Step 2: So 5.", 0.0)]


@pytest.mark.parametrize(
    ("messages", "what"),
    [
        (turns("q Step 1: a", "yes"), "expected + or - as the mark of step 0, got 'yes'"),
        (turns("q Step 1: a", "+", "b"), "marks to alternate"),
        (turns("q: a", "+"), "no 'Step 1:'"),
        ([], "turns with role and content"),
        ("q", "turns with role and content"),
        ([{"role": "system", "content": "x"}], "no turns"),
    ],
)
def test_turns_of_another_kind_are_named(tmp_path, messages, what):
    with pytest.raises(UserError, match=":1: not a row of conversation") as error:
        read(saved(tmp_path, {"messages": messages}), "conversation")
    assert what in str(error.value)


def test_chat_messages_in_completions_and_steps(tmp_path):
    asked = [{"role": "user", "content": "q"}]
    row = {"prompt": asked, "completions": [[{"role": "assistant", "content": "a"}], "b"], "labels": [True, False]}
    (sample,) = read(saved(tmp_path, row), "stepwise")
    assert sample.prompt == asked and labels(sample) == [("a", 1.0), ("b", 0.0)]
    completion = [{"role": "assistant", "content": "ab"}, {"role": "tool", "content": "longer than that"}]
    ours = {"prompt": asked, "completion": completion, "steps": [{"start": 0, "end": 2, "label": 1.0}]}
    (sample,) = read(saved(tmp_path, ours), "whetstone")
    assert sample.text == "ab" and labels(sample) == [("ab", 1.0)]


def test_chats_that_end_alike_are_different_problems(tmp_path):
    def row(system):
        prompt = [{"role": "system", "content": system}, {"role": "user", "content": "q"}]
        return {"prompt": prompt, "completions": ["a"], "labels": [True]}

    first, second = read(saved(tmp_path, row("Add."), row("Subtract.")), "stepwise")
    assert problem_of(first) != problem_of(second)


# ---------------------------------------------------------------- rows as tables hold them

PB = {"problem": "q", "steps": ["a", "b"], "label": 1}
MS = {"input": "q Step 1: a ки\nStep 2: b ки", "label": "q Step 1: a +\nStep 2: b -"}
STEPWISE = {"prompt": "q", "completions": ["a", "b"], "labels": [True, False]}
OURS = {"prompt": "q", "completion": "ab", "steps": [{"start": 0, "end": 1, "label": 1}, {"start": 1, "end": 2}]}


def rated(**step):
    first = {"completions": [{"text": "a", "rating": 1}], "chosen_completion": 0, **step}
    return {"question": {"problem": "q"}, "label": {"steps": [first]}}


@pytest.mark.parametrize(
    ("form", "row", "expected"),
    [
        ("processbench", {**PB, "label": 1.0}, [1.0, 0.0]),
        ("processbench", {**PB, "label": " 1"}, [1.0, 0.0]),
        ("processbench", {**PB, "steps": '["a", "b"]'}, [1.0, 0.0]),
        ("processbench", {**PB, "problem": [{"role": "user", "content": "q"}]}, [1.0, 0.0]),
        ("processbench", {**PB, "final_answer_correct": "False"}, [1.0, 0.0]),
        ("math_shepherd", {"input": "Книги " + MS["input"], "label": "Книги " + MS["label"]}, [1.0, 0.0]),
        ("math_shepherd", {key: text + "\n" for key, text in MS.items()}, [1.0, 0.0]),
        ("stepwise", {**STEPWISE, "labels": [0.3, None]}, [0.3, None]),
        ("stepwise", {**STEPWISE, "labels": "[true, false]"}, [1.0, 0.0]),
        ("whetstone", {**OURS, "answer": 9}, [1.0, None]),
        ("conversation", {"messages": json.dumps(STEPS)}, [1.0, 0.0]),
    ],
    ids=str,
)
def test_rows_that_tables_hold_in_other_types_are_read(tmp_path, form, row, expected):
    (sample,) = read(saved(tmp_path, row), form)
    assert [step.score for step in sample.labels] == expected
    assert sample.right in (None, False)


@pytest.mark.parametrize(
    ("form", "row", "what"),
    [
        ("processbench", {**PB, "steps": "abc"}, "expected a list as steps, got text that is not a JSON list: 'abc'"),
        ("processbench", {**PB, "steps": []}, "steps is empty"),
        ("processbench", {**PB, "steps": ["a", 3]}, "expected text as step 1, got int"),
        ("processbench", {**PB, "label": True}, "expected a whole number as the first wrong step, got True"),
        ("processbench", {**PB, "label": 0.5}, "expected a whole number as the first wrong step, got 0.5"),
        ("processbench", {**PB, "label": float("inf")}, "expected a whole number as the first wrong step, got inf"),
        ("processbench", {**PB, "label": None}, "'label' or 'first_error_step' is empty"),
        ("processbench", {**PB, "final_answer_correct": "maybe"}, "true, false or missing, not 'maybe'"),
        ("math_shepherd", {**MS, "input": 3}, "expected text as input, got int"),
        ("prm800k", rated(chosen_completion=5), "step 0 chooses completion 5 of 1"),
        ("prm800k", rated(completions=[{"text": "a", "rating": 2}]), "step 0 is rated 2, not -1, 0 or 1"),
        ("prm800k", rated(completions=[{"text": None, "rating": 1}]), "expected text as a completion of step 0"),
        ("prm800k", {"question": {"problem": "q"}, "label": {"steps": ["a"]}}, "AttributeError: 'str' object"),
        ("stepwise", {**STEPWISE, "labels": [True]}, "1 labels for 2 steps"),
        ("stepwise", {**STEPWISE, "completions": "ab"}, "expected a list as completions"),
        ("stepwise", {**STEPWISE, "labels": [1, -1]}, "expected a label in [0, 1], got -1"),
        ("stepwise", {**STEPWISE, "labels": ["+", "-"]}, "expected a label in [0, 1], got '+'"),
        ("whetstone", {**OURS, "steps": [{"start": 0.0, "end": 1}]}, "expected whole numbers as start and end"),
        ("whetstone", {**OURS, "right": "yes"}, "true, false or missing, not 'yes'"),
        ("whetstone", {**OURS, "verified": [1]}, "1 numbers in 'verified' for 2 steps"),
        ("whetstone", {**OURS, "completion": 5}, "the completion is neither text nor chat messages but int"),
        ("whetstone", PB, "no 'prompt'; the row has: problem, steps, label; its columns are those of --format process"),
        ("processbench", MS, "its columns are those of --format math_shepherd"),
    ],
    ids=str,
)
def test_rows_that_hold_no_labels_are_refused(tmp_path, form, row, what):
    with pytest.raises(UserError, match=":1: not a row of") as error:
        read(saved(tmp_path, row), form)
    assert what in str(error.value)


def test_a_label_that_is_no_number_is_missing(tmp_path):
    row = {**OURS, "steps": [{"start": 0, "end": 1, "label": float("nan")}, {"start": 1, "end": 2, "label": 0}]}
    (sample,) = read(saved(tmp_path, row), "whetstone")
    assert [(step.status, step.score) for step in sample.labels] == [("abstained", None), ("judged", 0.0)]


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("{question} \\boxed{}", "--template: {} names no column"),
        ("{problem}", "--template: shows {question} and nothing else"),
        ("{question}{id}", "--template: shows {question} and nothing else"),
        ("", "--template: shows no column"),
    ],
)
def test_a_template_that_cannot_show_the_question_is_refused(tmp_path, template, what):
    with pytest.raises(UserError) as error:
        read(saved(tmp_path, PB), "processbench", template=template)
    assert str(error.value).startswith(what)


def test_parquet_holds_prompts_and_ids_of_more_than_one_type(tmp_path):
    chat = [{"role": "user", "content": "q"}]
    samples = [labelled("q", ["a"], [1.0], "", id=1), labelled(chat, ["b"], [0.0], "", id="x")]
    write(tmp_path / "labels.parquet", samples)
    again = read(str(tmp_path / "labels.parquet"), "whetstone")
    assert [one.prompt for one in again] == ["q", chat]
    assert [one.row["id"] for one in again] == ["1", "x"]


def test_the_exact_verifiers_steps_come_back_as_the_verdict(tmp_path):
    row = {**OURS, "right": True, "answer": "2", "verified": [1.0, None]}
    (sample,) = read(saved(tmp_path, row), "whetstone")
    assert sample.right is True and answer_of(sample) == "2"
    assert [step.score for step in sample.steps] == [1.0, None] == verified_labels(sample)
    write(tmp_path / "again.jsonl", [sample])
    assert read(str(tmp_path / "again.jsonl"), "whetstone") == [sample]
