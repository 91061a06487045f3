"""What becomes of rows of given examples: prompt, completions, gold, and what is refused."""

import json
from dataclasses import replace

import pytest

from rl.config import DatasetTask
from rl.config.examples import Examples
from rl.errors import UserError
from rl.examples.reading import IMITATED, PREFERRED, read
from rl.tasks.task import Task
from verifiers.runtime.verifier import Verifier

SPLITS = {
    "train": [{"prompt": "Q: 1+1?", "gold": "2", "question": "1+1?"}],
    "validation": [{"prompt": "Q: 3+3?", "gold": "6", "question": "3+3?"}],
    "test": [{"prompt": "Q: 4+4?", "gold": "8", "question": "4+4?"}],
}
TASK = Task("mine", SPLITS, Verifier("math"))
CHAT = Task(
    "mine",
    {s: [{**r, "prompt": [{"role": "user", "content": r["prompt"]}]} for r in rows] for s, rows in SPLITS.items()},
    Verifier("math"),
)
LAYOUT = DatasetTask(name="dataset", data="x", template="Q: {question}")


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


@pytest.fixture
def given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def read_rows(*rows, wanted=IMITATED, task=TASK, layout=LAYOUT, **settings):
        (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        found = read(Examples(**{"data": "a.jsonl", **settings}), task, layout, wanted)
        return [row for rows in found.rows.values() for row in rows]

    return read_rows


def refused(given, *rows, **settings):
    with pytest.raises(UserError) as error:
        given(*rows, **settings)
    return str(error.value)


def test_a_prompt_column_is_the_prompt_and_the_train_splits_gold_comes_with_it(given):
    (row,) = given({"prompt": "Q: 1+1?", "completion": "It is 2.", "level": 3})
    assert (row.row["prompt"], row.texts, row.row["gold"], row.index) == ("Q: 1+1?", ("It is 2.",), "2", 0)
    assert (row.place, row.row["source"], row.row["level"]) == ("a.jsonl:1", "a.jsonl", 3)
    assert "completion" not in row.row


def test_without_a_prompt_column_the_tasks_template_makes_the_prompt(given):
    (row,) = given({"question": "5+5?", "completion": "10", "gold": "10"})
    assert (row.row["prompt"], row.row["gold"], row.index) == ("Q: 5+5?", "10", -1)


def test_the_examples_own_template_and_columns_come_before_the_tasks(given):
    settings = {"template": "{problem} =", "columns": {"problem": "in.q", "completion": "out"}}
    (row,) = given({"in": {"q": "5+5"}, "out": "10", "prompt": "not this"}, **settings)
    assert (row.row["prompt"], row.texts) == ("5+5 =", ("10",))


def test_a_gold_is_read_by_the_tasks_answer_pattern(given):
    layout = LAYOUT.model_copy(update={"answer_pattern": r"####\s*(.+)", "columns": {"gold": "answer"}})
    row = {"question": "5+5?", "answer": "5 and 5 #### 10"}
    (found,) = given(row, layout=layout, columns={"completion": "answer"})
    assert (found.row["gold"], found.texts) == ("10", ("5 and 5 #### 10",))


def test_plain_prompts_become_chats_where_the_tasks_are(given):
    (row,) = given({"prompt": "Q: 5+5?", "completion": "10"}, task=CHAT, system="Be brief.")
    assert row.row["prompt"] == [{"role": "system", "content": "Be brief."}, user("Q: 5+5?")]
    (row,) = given({"prompt": "Q: 5+5?", "completion": "10"}, task=CHAT, chat=False)
    assert row.row["prompt"] == "Q: 5+5?"


def test_the_last_turn_of_a_conversation_is_the_completion(given):
    turns = [user("Q: 5+5?"), assistant("11"), user("Sure?"), assistant("No, 10.")]
    (row,) = given({"messages": turns})
    assert (row.row["prompt"], row.texts) == (turns[:3], ("No, 10.",))
    (row,) = given({"prompt": [user("Q: 5+5?")], "completion": [assistant("10")]})
    assert (row.row["prompt"], row.texts) == ([user("Q: 5+5?")], ("10",))


@pytest.mark.parametrize(
    "pair",
    [
        {"prompt": "Q: 5+5?", "chosen": "10", "rejected": "11"},
        {"prompt": "Q: 5+5?", "chosen": [assistant("10")], "rejected": [assistant("11")]},
        {"chosen": [user("Q: 5+5?"), assistant("10")], "rejected": [user("Q: 5+5?"), assistant("11")]},
        {"prompt": "x", "chosen": [user("Q: 5+5?"), assistant("10")], "rejected": [user("Q: 5+5?"), assistant("11")]},
    ],
)
def test_pairs_come_as_texts_messages_or_conversations(given, pair):
    (row,) = given(pair, wanted=PREFERRED)
    assert row.texts == ("10", "11")
    assert row.row["prompt"] in ("Q: 5+5?", [user("Q: 5+5?")])
    assert not {"chosen", "rejected"} & set(row.row)


@pytest.mark.parametrize(
    ("row", "settings", "message"),
    [
        ({"prompt": "Q: 5+5?"}, {}, "a.jsonl:1: no column 'completion', nor 'messages', for the completion"),
        ({"prompt": "Q: 5+5?", "completion": " "}, {}, "a.jsonl:1: column 'completion' is empty"),
        ({"prompt": "Q: 5+5?", "completion": 10}, {}, "a.jsonl:1: column 'completion' holds neither text nor chat"),
        ({"completion": "10", "text": "5+5?"}, {}, "no prompt: the row has no column 'prompt', and 'Q: {question}'"),
        ({"prompt": "", "completion": "10"}, {}, "a.jsonl:1: column 'prompt' holds '' instead of a prompt"),
        ({"prompt": "Q: 5+5? 10", "completion": "10"}, {}, "its prompt ends with its completion: '10'"),
        ({"prompt": "Q:  4+4?", "completion": "8"}, {}, "its prompt is in the task's test split ('Q:  4+4?')"),
        ({"prompt": "4+4?", "completion": "8"}, {}, "its prompt is in the task's test split"),
        ({"question": "3+3?", "completion": "6"}, {}, "its prompt is in the task's validation split"),
        ({"messages": [user("Q: 5+5?")]}, {}, "column 'messages' ends with a message of the user"),
        ({"prompt": "p", "completion": "c"}, {"columns": {"completion": "text"}}, "no column 'text', nor 'messages'"),
        ({"prompt": "p", "completion": "c"}, {"columns": {"prompt": "q"}}, "no prompt: the row has no column 'q'"),
        ({"q": "p", "a": "c"}, {"columns": {"completion": "a"}, "template": "{q}{a}"}, "examples.template: shows"),
        ({"prompt": "p", "completion": "c"}, {"template": "{q"}, "algorithm.examples.template: "),
        ({"prompt": "p", "completion": "c"}, {"system": "s"}, "algorithm.examples.system: needs a chat"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_with_its_place(given, row, settings, message):
    assert message in refused(given, row, **settings)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "p", "chosen": "a", "rejected": "a "}, "a.jsonl:1: chosen and rejected are the same: 'a'"),
        ({"prompt": "p", "chosen": "a"}, "a.jsonl:1: no column 'rejected', for the rejected"),
        ({"chosen": [user("p"), assistant("a")], "rejected": [user("q"), assistant("b")]}, "so the two are not a pair"),
    ],
)
def test_what_is_no_pair_is_refused(given, row, message):
    assert message in refused(given, row, wanted=PREFERRED)


def test_the_last_choice_of_a_question_may_be_its_answer(given):
    question = "Which is larger?\nA. 3\nB. 7"
    rows = [{"prompt": question, "completion": "7"}, {"prompt": "Which is odd?\nA. 3\nB. 4", "completion": "3"}]
    assert [row.texts for row in given(*rows)] == [("7",), ("3",)]
    assert "its prompt ends with its completion: '7', and so do all 2" in refused(given, rows[0], rows[0])
    pair = {"prompt": "Is it so? Say yes or no", "chosen": "yes", "rejected": "no"}
    assert len(given(pair, wanted=PREFERRED)) == 1
    assert "its prompt ends with its completion" in refused(
        given, {**pair, "chosen": "no", "rejected": "yes"}, wanted=PREFERRED
    )


def test_bad_rows_are_counted_where_the_config_says_so(given, tmp_path):
    (tmp_path / "b.jsonl").write_text('{"prompt": "p", "completion": "c"}\n{"prompt": "p"}\nno json\n')
    found = read(Examples(data="b.jsonl", on_bad_row="skip"), TASK, LAYOUT, IMITATED)
    assert len(found.rows["b.jsonl"]) == 1
    assert [why.partition(": ")[0] for why in found.skipped] == ["b.jsonl:2", "b.jsonl:3"]
    assert "has no example that can be used; the first: a.jsonl:1" in refused(given, {"prompt": "p"}, on_bad_row="skip")


def test_each_source_has_its_name_and_columns(given, tmp_path):
    (tmp_path / "b.jsonl").write_text('{"prompt": "p", "text": "c"}\n')
    data = {"one": "a.jsonl", "two": {"data": "b.jsonl", "columns": {"completion": "text"}}}
    rows = given({"prompt": "q", "completion": "d"}, data=data)
    assert [(row.row["source"], row.texts) for row in rows] == [("one", ("d",)), ("two", ("c",))]


def test_one_split_of_a_file_or_its_first_rows_are_taken(given):
    rows = [{"prompt": f"{n}?", "completion": str(n), "split": "train" if n % 2 else "other"} for n in range(6)]
    assert [row.texts[0] for row in given(*rows, data="a.jsonl:train")] == ["1", "3", "5"]
    assert [row.texts[0] for row in given(*rows, data={"a": {"data": "a.jsonl", "rows": 2}})] == ["0", "1"]
    assert "a.jsonl has no split 'trian'; did you mean 'train'?" in refused(given, *rows, data="a.jsonl:trian")


def test_without_a_named_split_rows_that_the_data_holds_out_are_left_out(given):
    splits = ["train", "test", "Dev", "mine", None, "validation"]
    rows = [{"prompt": f"{n}?", "completion": str(n), "split": split} for n, split in enumerate(splits)]
    assert [row.texts[0] for row in given(*rows)] == ["0", "3", "4"]
    assert [row.texts[0] for row in given(*rows, data="a.jsonl:test")] == ["1"]
    assert "a.jsonl has no rows for training; name the split, as in a.jsonl:test" in refused(given, rows[1])


def test_values_are_permuted_in_the_rows_that_are_read(given):
    rows = [{"prompt": f"{n}?", "completion": str(n)} for n in range(20)]
    mixed = given(*rows, data={"a": {"data": "a.jsonl", "permuted": ["completion"]}})
    assert [row.row["prompt"] for row in mixed] == [row["prompt"] for row in rows]
    texts = [row.texts[0] for row in mixed]
    assert texts != [row["completion"] for row in rows] and sorted(texts) == sorted(row["completion"] for row in rows)


def test_the_tasks_own_train_split_gives_its_solutions_or_a_column(given):
    (row,) = given({}, data="task", columns={"completion": "gold"})
    assert (row.place, row.texts, row.row["gold"], row.index) == ("train row 1", ("2",), "2", 0)
    solved = replace(TASK, solve=lambda row: f"It is {row['gold']}.")
    assert given({}, data="task", task=solved)[0].texts == ("It is 2.",)
    assert "train row 1: no column 'completion'" in refused(given, {}, data="task")
