import json

import pytest

from rl.errors import UserError
from rl.prm.formats import read
from rl.prm.labelled import problem_of, write


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
        ("processbench", {"problem": "q", "steps": ["a"], "label": 3}, "not 3 of 1 steps"),
        ("processbench", {"problem": "q", "steps": ["a"]}, "first_error_step"),
        ("math_shepherd", {"input": "q Step 1: a ки", "label": "q Step 1: a ?"}, "marked '?'"),
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
        (turns("q Step 1: a", "yes"), "step 0 is marked 'yes'"),
        (turns("q Step 1: a", "+", "b"), "take turns"),
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
