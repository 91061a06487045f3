import bz2
import datetime
import gzip
import json
import lzma

import pyarrow
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet
import pytest

from rl.config import DatasetTask
from rl.errors import UserError
from rl.tasks import dataset
from rl.tasks.task import split_of

ROWS = [{"question": f"What is {i} and {i}?", "gold": str(2 * i), "id": i} for i in range(40)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(*rows):
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def build(data, seed=0, **settings):
    # `chain` judges text alone, so these tests lean on no other verifier
    return dataset.build(DatasetTask(name="dataset", data=data, **({"verifier": "chain"} | settings)), seed)


def every(task):
    return [row for rows in task.splits.values() for row in rows]


def refused(data, **settings):
    with pytest.raises(UserError) as error:
        build(data, **settings)
    return str(error.value)


# ---------------------------------------------------------------- formats


def test_json_lines_csv_and_parquet_give_the_same_rows(here):
    (here / "a.jsonl").write_text(lines(*ROWS))
    with gzip.open(here / "b.jsonl.gz", "wt") as file:
        file.write(lines(*ROWS))
    (here / "c.csv").write_text(
        "question,gold,id\n" + "".join(f"{r['question']},{r['gold']},{r['id']}\n" for r in ROWS)
    )
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), here / "d.parquet")
    (here / "e.json").write_text(json.dumps(ROWS, indent=1))
    tasks = [build(name) for name in ("a.jsonl", "b.jsonl.gz", "c.csv", "d.parquet", "e.json")]
    for task in tasks:
        assert [(r["prompt"], r["gold"]) for r in every(task)] == [(r["prompt"], r["gold"]) for r in every(tasks[0])]
    assert sorted(r["id"] for r in every(tasks[0])) == list(range(40))
    assert every(tasks[0])[0]["prompt"] == every(tasks[0])[0]["question"]


def test_a_gzipped_file_is_known_by_its_bytes_not_its_name(here):
    (here / "a.jsonl").write_bytes(gzip.compress(lines(*ROWS).encode()))
    assert len(every(build("a.jsonl"))) == 40


def test_a_folder_that_datasets_wrote_keeps_its_splits(here):
    import datasets

    parts = {"train": ROWS[:30], "dev": ROWS[30:35], "test": ROWS[35:], "unlabelled": ROWS[:1]}
    datasets.DatasetDict({k: datasets.Dataset.from_list(v) for k, v in parts.items()}).save_to_disk(here / "saved")
    task = build("saved")
    assert {split: len(rows) for split, rows in task.splits.items()} == {"train": 30, "validation": 5, "test": 5}
    assert refused("saved", columns={"gold": "godl"}).startswith("saved[train] row 1: no column 'godl'")


# ---------------------------------------------------------------- rows


@pytest.mark.parametrize("gold", [2, "2", 2.0, [2]])
def test_golds_that_are_places_of_choices_become_labels(here, gold):
    row = {"question": "Which?", "choices": ["1", "2", "3", "4"], "gold": gold}
    (here / "mmlu.jsonl").write_text(lines(row))
    shown = {"template": "{question}\n{choices}", "verifier": "choice"}
    for first, label in ((0, "C"), (1, "B")):
        (found,) = every(build("mmlu.jsonl", choices_from=first, **shown))
        assert found["gold"] == label
    (as_text,) = every(build("mmlu.jsonl", **shown))  # nothing says that 2 is a place, and it is a choice's text
    assert as_text["gold"] == "2"
    assert "is 2, and the choices have the places 3 to 6" in refused("mmlu.jsonl", choices_from=3, **shown)
    (here / "words.jsonl").write_text(lines({**row, "choices": ["a", "b", "c", "d"]}))
    assert "is 2, which is none of the choices; if it is a place in their list, task.choices_from is" in refused(
        "words.jsonl", **shown
    )
    (here / "none.jsonl").write_text(lines(ROWS[0]))
    assert "no column 'choices', which task.choices_from needs" in refused("none.jsonl", choices_from=0)


def test_columns_template_and_pattern_make_prompt_and_gold(here):
    (here / "a.jsonl").write_text(lines({"ask": "2+3?", "solution": "2+3 = 5 #### 5 ", "level": 1}))
    task = build(
        "a.jsonl",
        columns={"question": "ask", "gold": "solution"},
        template="Q: {question} {{think}}\nA:",
        answer_pattern=r"####\s*(.+)",
    )
    assert every(task) == [
        {
            "prompt": "Q: 2+3? {think}\nA:",
            "gold": "5",
            "question": "2+3?",
            "ask": "2+3?",
            "solution": "2+3 = 5 #### 5 ",
            "level": 1,
        }
    ]


def test_chat_prompts_are_messages_and_carry_the_system_message(here):
    (here / "a.jsonl").write_text(lines(ROWS[0]))
    (row,) = every(build("a.jsonl", chat=True, system="Think."))
    assert row["prompt"] == [{"role": "system", "content": "Think."}, {"role": "user", "content": "What is 0 and 0?"}]
    assert refused("a.jsonl", system="Think.").startswith("task.system:")


@pytest.mark.parametrize(
    "choices",
    [
        [{"label": "A", "text": "left"}, {"label": "B", "text": "right"}],
        {"label": ["A", "B"], "text": ["left", "right"]},
        ["left", "right"],
        '["left", "right"]',
        {"A": "left", "B": "right"},
    ],
)
def test_choices_in_every_usual_form_are_shown_as_lines(here, choices):
    (here / "a.jsonl").write_text(lines({"question": "Where?", "gold": "B", "choices": choices}))
    (row,) = every(build("a.jsonl", template="{question}\n{choices}"))
    assert row["prompt"] == "Where?\nA. left\nB. right"
    assert row["choices"] == [{"label": "A", "text": "left"}, {"label": "B", "text": "right"}]


def test_a_csv_file_may_have_semicolons_and_numbers_are_choices(here):
    (here / "a.csv").write_text("question;gold;choices\nHow many, all in all?;A;[1, 2.5]\n")
    (row,) = every(build("a.csv"))
    assert (row["question"], row["gold"]) == ("How many, all in all?", "A")
    assert row["choices"] == [{"label": "A", "text": "1"}, {"label": "B", "text": "2.5"}]


def test_dates_and_bytes_of_a_table_become_text_and_an_object_is_no_answer(here):
    day = {"question": b"When?", "gold": datetime.date(2020, 1, 2)}
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([day]), here / "a.parquet")
    (row,) = every(build("a.parquet"))
    assert (row["prompt"], row["gold"]) == ("When?", "2020-01-02")
    (here / "b.jsonl").write_text(lines({"question": "1?", "gold": {"value": 1, "unit": "m"}}))
    assert "is an object; task.columns.gold can name what is in it: gold.value, gold.unit" in refused("b.jsonl")
    assert every(build("b.jsonl", columns={"gold": "gold.value"}))[0]["gold"] == "1"
    assert "task.columns.NAME=gold.unit gives a nested column a name" in refused("b.jsonl", template="{gold.unit}")


def test_what_an_assistant_thought_is_no_part_of_what_it_said(here):
    parts = [{"type": "reasoning", "text": "5"}, {"type": "text", "text": "Hello."}]
    turns = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": parts}]
    (here / "a.jsonl").write_text(lines({"question": [*turns, {"role": "user", "content": "1?"}], "gold": "1"}))
    assert every(build("a.jsonl"))[0]["prompt"][1] == {"role": "assistant", "content": "Hello."}


def test_choices_of_another_form_are_broken_where_they_are_needed_and_let_be_elsewhere(here):
    (here / "a.jsonl").write_text(lines({"question": "Where?", "gold": "B", "choices": 3}))
    assert [row["choices"] for row in every(build("a.jsonl"))] == [3]
    said = refused("a.jsonl", template="{question}\n{choices}")
    assert said == "a.jsonl:1: column 'choices' is not a list of label and text: '3'"


def test_every_row_has_every_column_and_a_column_one_type(here):
    (here / "a.jsonl").write_text(
        lines({"question": "a", "gold": 7, "note": 1}, {"question": "b", "gold": "x", "note": "one", "more": [1]})
    )
    rows = {row["prompt"]: row for row in every(build("a.jsonl"))}
    assert (rows["a"]["gold"], rows["a"]["note"], rows["a"]["more"]) == ("7", "1", None)
    assert (rows["b"]["gold"], rows["b"]["note"], rows["b"]["more"]) == ("x", "one", [1])


# ---------------------------------------------------------------- broken rows

GOOD = '{"question": "1?", "gold": "1"}'


@pytest.mark.parametrize(
    ("bad", "settings", "what"),
    [
        ('{"question": "2?", "gold": ', {}, "not JSON: Expecting value at column 27"),
        ('["question"]', {}, "expected a JSON object, got list"),
        ('{"question": "2?"}', {}, "no column 'gold', which every task needs"),
        ('{"quesiton": "2?", "gold": "1"}', {}, "no column 'question', which task.template needs; did you mean 'quesi"),
        ('{"question": "2?", "gold": " "}', {}, "the answer (column 'gold') is empty"),
        ('{"question": "2?", "gold": NaN}', {}, "the answer (column 'gold') is empty"),
        ('{"question": "2?", "gold": null}', {}, "column 'gold', which every task needs, is empty"),
        ('{"question": null, "gold": "1"}', {}, "column 'question', which task.template needs, is empty"),
        ('{"question": NaN, "gold": "1"}', {}, "column 'question' is empty"),
        ('{"question": " ", "gold": "1"}', {}, "there is no question: 'question' is empty"),
        ('{"question": "2?", "gold": "two"}', {"answer_pattern": r"(\d+)"}, "task.answer_pattern does not match"),
        ('{"question": "2?", "gold": "1"}', {"columns": {"gold": "glod"}}, "no column 'glod'"),
        ('{"question": "2?\\ud800", "gold": "1"}', {}, "not Unicode"),
    ],
)  # fmt: skip
def test_a_broken_row_stops_with_file_and_line_or_is_skipped_and_counted(here, bad, settings, what):
    good = GOOD.replace("}", ', "glod": "1"}')
    (here / "a.jsonl").write_text(lines(good, "", bad, '{"question": "3?", "gold": "1", "glod": "1"}'))
    assert refused("a.jsonl", **settings).startswith(f"a.jsonl:3: {what}")
    task = build("a.jsonl", on_bad_row="skip", **settings)
    assert sorted(row["prompt"] for row in every(task)) == ["1?", "3?"]
    assert len(task.skipped) == 1 and task.skipped[0].startswith(f"a.jsonl:3: {what}")


def test_a_line_that_is_not_utf_8_is_a_broken_row(here):
    (here / "a.jsonl").write_bytes(GOOD.encode() + b'\n{"question": "\xff", "gold": "1"}\n')
    (here / "a.csv").write_bytes(b"question,gold\n1?,1\n\xff,1\n")
    assert refused("a.jsonl").startswith("a.jsonl:2: not Unicode")
    assert refused("a.csv").startswith("a.csv:3: not Unicode")


def test_csv_lines_are_counted_past_quoted_line_breaks(here):
    (here / "a.csv").write_text('question,gold\n"one\ntwo\nthree?",1\n2?\n"4\n?",4\n5?,\n')
    assert refused("a.csv").startswith("a.csv:5: 1 fields under a header with 2")
    task = build("a.csv", on_bad_row="skip")
    assert sorted(row["prompt"] for row in every(task)) == ["4\n?", "one\ntwo\nthree?"]
    assert [why.split(": ")[0] for why in task.skipped] == ["a.csv:5", "a.csv:8"]


def test_a_quote_that_never_closes_is_named_by_the_line_it_opens_on(here):
    (here / "a.csv").write_text('question,gold\n1?,1\n"2?,2\n3?,3\n')
    assert refused("a.csv").startswith("a.csv:3: not CSV")


def test_a_verifier_that_needs_a_column_names_it(here, monkeypatch):
    import sys
    import types

    module = types.ModuleType("needy")
    exec("def verify(prediction, gold, *, choices, lenient=False): ...", module.__dict__)
    monkeypatch.setitem(sys.modules, "needy", module)
    monkeypatch.setitem(dataset.load.__globals__["VERIFIERS"], "needy", "needy")
    (here / "a.jsonl").write_text(lines({"question": "2?", "gold": "A", "choises": ["x"]}))
    said = refused("a.jsonl", verifier="needy")
    assert said.startswith("a.jsonl:1: no column 'choices', which verifier 'needy' needs; did you mean 'choises'?")
    assert every(build("a.jsonl", verifier="needy", columns={"choices": "choises"}))
    assert refused("a.jsonl", verifier="needy", verifier_options={"leniant": True}).startswith("task.verifier_options:")


def test_when_every_row_is_broken_skipping_stops_too(here):
    (here / "a.jsonl").write_text(lines(*ROWS))
    said = refused("a.jsonl", columns={"gold": "answer"}, on_bad_row="skip")
    assert said.startswith("a.jsonl: no row of 40 can be used; the first: a.jsonl:1: no column 'answer'")


# ---------------------------------------------------------------- what cannot be read


def test_a_missing_file_names_the_nearest(here):
    (here / "train.jsonl").write_text(GOOD)
    assert refused("trian.jsonl") == "trian.jsonl: no such file; did you mean 'train.jsonl'?"
    assert refused("quite_another.jsonl") == "quite_another.jsonl: no such file; the folder has train.jsonl"
    assert refused("no/such/folder") == "no/such/folder: no such file"


def test_files_that_are_not_what_they_say_are_refused(here):
    (here / "cut.jsonl.gz").write_bytes(gzip.compress(lines(*ROWS).encode())[:-20])
    (here / "a.parquet").write_text("no parquet")
    (here / "a.txt").write_text("text")
    (here / "empty.jsonl").write_text("\n")
    (here / "twice.csv").write_text("question,gold,gold\n")
    assert "the gzip file is damaged" in refused("cut.jsonl.gz")
    assert "not a readable parquet file" in refused("a.parquet")
    assert refused("./a.txt").startswith("./a.txt: .txt is not a known format")
    assert refused("empty.jsonl") == "empty.jsonl: has no rows"
    assert refused("twice.csv") == "twice.csv:1: two columns are called 'gold'"


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"template": "put it in \\boxed{}"}, "task.template: {} names no column"),
        ({"template": "{question"}, "task.template:"),
        ({"template": "{question:{width}}"}, "task.template: cannot be filled in"),
        ({"template": "hello"}, "task.template: shows no column"),
        ({"answer_pattern": "("}, "task.answer_pattern: not a regular expression"),
        ({"answer_pattern": "a+"}, "task.answer_pattern: has no group"),
        ({"verifier": "chian"}, "task.verifier: no verifier is named 'chian'"),
        ({"verifier_options": {"x": 1}}, "task.verifier_options: verifier 'chain' has no option 'x'"),
        ({"validation": 0.5, "test": 0.5}, "task.validation: together with task.test it takes 1 of train"),
    ],
)
def test_a_setting_that_cannot_be_is_named(here, settings, where):
    (here / "a.jsonl").write_text(lines(*ROWS))
    assert refused("a.jsonl", **settings).startswith(where)


# ---------------------------------------------------------------- splits


def test_missing_splits_are_cut_from_train_by_the_problem_whatever_the_template_says(here):
    (here / "a.jsonl").write_text(lines(*ROWS))
    plain = build("a.jsonl", validation=0.3, test=0.2)
    worded = build("a.jsonl", validation=0.3, test=0.2, template="Q: {question}\nA:")
    for split in ("train", "validation", "test"):
        expected = {r["id"] for r in ROWS if split_of(r["question"], validation=0.3, test=0.2) == split}
        assert {row["id"] for row in plain.splits[split]} == {row["id"] for row in worded.splits[split]} == expected
        assert expected


def test_a_split_column_under_its_usual_names_is_used(here):
    named = [{**row, "split": ("train", "dev", "test")[row["id"] % 3]} for row in ROWS]
    (here / "a.jsonl").write_text(lines(*named))
    task = build("a.jsonl")
    assert [sorted(r["id"] % 3 for r in task.splits[s])[::12] for s in task.splits] == [[0, 0], [1, 1], [2, 2]]
    (here / "b.jsonl").write_text(lines(*[{**row, "split": "algebra"} for row in ROWS]))
    assert all(build("b.jsonl").splits.values())  # no such name in it: an ordinary column
    (here / "c.jsonl").write_text(lines(*[{**row, "fold": "train"} for row in ROWS], {**ROWS[0], "fold": "tset"}))
    assert refused("c.jsonl", split_column="fold").startswith("c.jsonl:41: column 'fold' says 'tset'")


def test_data_can_name_a_source_for_each_split_or_one_split_of_a_source(here):
    (here / "a.jsonl").write_text(lines(*[{**row, "split": "easy" if row["id"] < 30 else "hard"} for row in ROWS]))
    (here / "b.jsonl").write_text(lines({"question": "other?", "gold": "1"}))
    task = build({"train": "a.jsonl:easy", "validation": "b.jsonl", "test": "a.jsonl:hard"})
    assert {split: len(rows) for split, rows in task.splits.items()} == {"train": 30, "validation": 1, "test": 10}
    said = refused({"train": "a.jsonl:esay"})
    assert said == "task.data.train: no row of a.jsonl has 'esay' in column 'split'; did you mean 'easy'?"


def test_a_prompt_in_two_splits_of_the_data_is_refused(here):
    (here / "a.jsonl").write_text(lines(*ROWS))
    (here / "b.jsonl").write_text(lines(ROWS[5]))
    said = refused({"train": "a.jsonl", "test": "b.jsonl"})
    assert said == "a.jsonl, b.jsonl: a prompt is in both train and test: 'What is 5 and 5?'"


def test_a_repeated_prompt_is_kept_once_and_said(here, caplog):
    (here / "a.jsonl").write_text(lines(*ROWS, ROWS[0], {**ROWS[1], "gold": "3"}))
    task = build("a.jsonl")
    assert sorted((r["id"], r["gold"]) for r in every(task)) == sorted((r["id"], r["gold"]) for r in ROWS)
    assert "2 rows repeat a prompt and are left out, 1 with another answer" in caplog.text


def test_the_seed_decides_the_order_and_nothing_else(here):
    (here / "a.jsonl").write_text(lines(*ROWS))
    first, again, other = (build("a.jsonl", seed=seed).splits["train"] for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert sorted(r["id"] for r in first) == sorted(r["id"] for r in other)


# ---------------------------------------------------------------- chat messages


def said(role, content, **more):
    return {"role": role, "content": content, **more}


HISTORY = [said("system", "Be brief."), said("user", "1+1?"), said("assistant", "2"), said("user", "And 2+2?")]


@pytest.mark.parametrize(
    "prompt",
    [
        HISTORY,
        json.dumps(HISTORY),
        [{**message, "tool_calls": None, "name": None} for message in HISTORY],
        [{**message, "content": [{"type": "text", "text": message["content"]}]} for message in HISTORY],
        [
            {"from": {"user": "human", "assistant": "gpt"}.get(m["role"], m["role"]), "value": m["content"]}
            for m in HISTORY
        ],
    ],
)
def test_a_column_of_chat_messages_is_the_prompt_with_system_and_earlier_turns(here, prompt):
    (here / "a.jsonl").write_text(lines({"prompt": prompt, "gold": "4"}))
    (row,) = every(build("a.jsonl", columns={"question": "prompt"}))
    assert row == {"prompt": HISTORY, "gold": "4", "question": "And 2+2?"}


def test_verls_layout_in_parquet_is_taken_as_it_is(here):
    rows = [
        {
            "data_source": "math",
            "prompt": [said("user", f"{i}+{i}?")],
            "reward_model": {"style": "rule", "ground_truth": str(2 * i)},
            "extra_info": {"index": i},
        }
        for i in range(3)
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), here / "a.parquet")
    task = build("a.parquet", columns={"question": "prompt", "gold": "reward_model.ground_truth"}, test=0, validation=0)
    found = {row["extra_info"]["index"]: (row["prompt"], row["gold"]) for row in every(task)}
    assert found == {i: ([said("user", f"{i}+{i}?")], str(2 * i)) for i in range(3)}
    said_of = refused("a.parquet", columns={"question": "prompt", "gold": "reward_model.ground_truht"})
    assert "did you mean 'reward_model.ground_truth'?" in said_of


def test_the_template_is_filled_with_the_users_last_words_in_their_place(here):
    call = said("assistant", "", tool_calls=[{"type": "function", "function": {"name": "add", "arguments": "{}"}}])
    messages = [*HISTORY, call, said("tool", "4", name="add")]
    (here / "a.jsonl").write_text(lines({"turns": messages, "gold": "4", "hint": "add"}))
    (row,) = every(build("a.jsonl", columns={"question": "turns"}, template="Hint: {hint}.\n{question}\nEnd with #."))
    assert row["prompt"] == [*HISTORY[:3], said("user", "Hint: add.\nAnd 2+2?\nEnd with #."), *messages[4:]]


def test_a_system_message_of_the_config_is_put_before_messages_without_one(here):
    (here / "a.jsonl").write_text(lines({"question": HISTORY[1:], "gold": "4"}))
    (row,) = every(build("a.jsonl", chat=True, system="Think."))
    assert row["prompt"] == [said("system", "Think."), *HISTORY[1:]]


@pytest.mark.parametrize(
    ("question", "settings", "what"),
    [
        (HISTORY[:3], {}, "column 'question' ends with the assistant's words, so it is not a prompt"),
        (HISTORY[:1], {}, "column 'question' has no message of the user's"),
        (HISTORY, {"chat": True, "system": "x"}, "column 'question' has its own system message, and task.system"),
        (
            [said("user", [{"type": "image", "image": "x"}])],
            {},
            "column 'question': a message of the user has a part",
        ),
        ([said("user", " ")], {}, "there is no question"),
        ([*HISTORY, "Be brief."], {}, "column 'question': it mixes chat messages with other things"),
        (HISTORY, {"template": "{question} {question2}"}, "the template shows two columns of chat messages"),
    ],
)
def test_messages_that_are_no_prompt_are_named(here, question, settings, what):
    (here / "a.jsonl").write_text(lines({"question": question, "question2": HISTORY, "gold": "4"}))
    assert refused("a.jsonl", **settings).startswith(f"a.jsonl:1: {what}")


def test_messages_beside_plain_prompts_are_refused_or_made_chats(here):
    (here / "a.jsonl").write_text(lines({"question": HISTORY, "gold": "4"}, {"question": "1?", "gold": "1"}))
    assert "task.chat=true makes all of them chats" in refused("a.jsonl")
    assert sorted(len(row["prompt"]) for row in every(build("a.jsonl", chat=True))) == [1, 4]


def test_lists_that_are_no_messages_stay_what_they_are(here):
    (here / "a.jsonl").write_text(
        lines({"question": [{"name": "x"}], "gold": "4"}, {"question": "[1, 2]", "gold": "4"})
    )
    assert sorted(row["prompt"] for row in every(build("a.jsonl"))) == ["[1, 2]", '[{"name": "x"}]']


def test_different_histories_before_one_question_are_different_problems(here):
    other = [said("user", "3+3?"), *HISTORY[2:]]
    (here / "a.jsonl").write_text(lines({"question": HISTORY, "gold": "4"}, {"question": other, "gold": "4"}))
    assert len(every(build("a.jsonl"))) == 2


# ---------------------------------------------------------------- golds and columns


def test_several_golds_stay_several_in_all_rows(here):
    rows = [{"question": f"{i}?", "gold": gold} for i, gold in enumerate([["a", "b"], "c", [7.0, ""], 8])]
    (here / "a.jsonl").write_text(lines(*rows))
    task = build("a.jsonl", verifier="exact", validation=0, test=0)
    assert {row["prompt"]: row["gold"] for row in every(task)} == {
        "0?": ["a", "b"],
        "1?": ["c"],
        "2?": ["7"],
        "3?": ["8"],
    }
    judged = task.verifier([{**row, "prediction": "b"} for row in every(task)])
    assert sum(verdict.right for verdict in judged) == 1


def test_the_answer_pattern_is_looked_for_in_each_gold(here):
    (here / "a.jsonl").write_text(lines({"question": "?", "gold": ["so #### 1", "so #### 2", "none"]}))
    assert every(build("a.jsonl", answer_pattern=r"####\s*(.+)"))[0]["gold"] == ["1", "2"]


def test_columns_whose_names_training_uses_are_left_out_and_said(here, caplog):
    names = ["prompts", "completions", "completion", "completion_ids", "image", "images", "messages", "self"]
    (here / "a.jsonl").write_text(lines({"question": "1?", "gold": "1", "level": 2, **dict.fromkeys(names, "x")}))
    assert set(every(build("a.jsonl"))[0]) == {"prompt", "question", "gold", "level"}
    assert all(name in caplog.text for name in names)
    assert every(build("a.jsonl", template="{question} {image}"))[0]["prompt"] == "1? x"
    assert refused("a.jsonl", columns={"images": "level"}).startswith("task.columns.images: training uses this name")


@pytest.mark.parametrize(
    "name", ["a.ndjson", "a.jsonl.bz2", "a.jsonl.zst", "a.JSONL.GZ", "a.tsv", "a.tsv.zst", "a.csv.bz2", "a.jsonl.xz"]
)
def test_more_formats_give_the_same_rows(here, name):
    mark = "\t" if ".tsv" in name else ","
    table = "".join(mark.join(map(str, values)) + "\n" for values in [ROWS[0], *(row.values() for row in ROWS)])
    data = (table if "sv" in name else lines(*ROWS)).encode()
    if name.lower().endswith(".gz"):
        data = gzip.compress(data)
    elif name.endswith(".bz2"):
        data = bz2.compress(data)
    elif name.endswith(".zst"):
        data = pyarrow.compress(data, "zstd", asbytes=True)
    elif name.endswith(".xz"):
        data = lzma.compress(data)
    (here / name).write_bytes(data)
    assert sorted((row["prompt"], row["gold"]) for row in every(build(name))) == sorted(
        (row["question"], row["gold"]) for row in ROWS
    )


@pytest.mark.parametrize("name", ["cut.jsonl.bz2", "cut.jsonl.zst"])
def test_damaged_files_are_named(here, name):
    data = lines(*ROWS).encode()
    packed = bz2.compress(data) if name.endswith("bz2") else pyarrow.compress(data, "zstd", asbytes=True)
    (here / name).write_bytes(packed[:-20])
    assert "file is damaged" in refused(name)


def same_rows(name):
    pairs = sorted((row["prompt"], row["gold"]) for row in every(build(name)))
    return pairs == sorted((row["question"], row["gold"]) for row in ROWS)


@pytest.mark.parametrize("name", ["file.arrow", "stream.arrow", "a.feather", "a.parquet.gz", "a.parquet.xz"])
def test_tables_of_other_tools_give_the_same_rows(here, name):
    table = pyarrow.Table.from_pylist(ROWS)
    opened = {"file.arrow": pyarrow.ipc.new_file, "stream.arrow": pyarrow.ipc.new_stream}
    if name in opened:
        with opened[name](str(here / name), table.schema) as out:
            out.write_table(table)
    elif name.endswith(".feather"):
        pyarrow.feather.write_feather(table, str(here / name))
    else:
        pyarrow.parquet.write_table(table, str(here / "plain.parquet"))
        pack = gzip.compress if name.endswith("gz") else lzma.compress
        (here / name).write_bytes(pack((here / "plain.parquet").read_bytes()))
    assert same_rows(name)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_a_text_in_another_unicode_encoding_with_its_mark_gives_the_same_rows(here, name, encoding):
    table = "".join(",".join(map(str, values)) + "\n" for values in [ROWS[0], *(row.values() for row in ROWS)])
    text = {"a.csv": table, "a.jsonl": lines(*ROWS), "a.json": json.dumps(ROWS)}[name]
    (here / name).write_bytes(text.encode(encoding))
    assert same_rows(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("objects.json", "\n".join(json.dumps(row, indent=2) for row in ROWS)),
        ("objects.jsonl", "\n".join(json.dumps(row, indent=2) for row in ROWS) + "\n"),
        ("beside.jsonl", " ".join(json.dumps(row) for row in ROWS)),
        ("list.jsonl", json.dumps(ROWS, indent=2)),
        ("list.json", json.dumps(ROWS)),
    ],
    ids=lambda text: text if text.endswith(("json", "jsonl")) else "",
)
def test_json_over_several_lines_gives_the_same_rows(here, name, text):
    (here / name).write_text(text)
    assert same_rows(name)


def test_an_object_around_rows_or_columns_is_told_from_a_row(here):
    (here / "data.json").write_text(json.dumps({"version": 1, "data": ROWS}, indent=2))
    assert (
        refused("data.json")
        == "data.json: is one object with its rows in 'data'; save that list alone, or a row a line"
    )
    columns = {name: {str(place): row[name] for place, row in enumerate(ROWS)} for name in ("question", "gold")}
    (here / "columns.json").write_text(json.dumps(columns))
    assert refused("columns.json").startswith("columns.json: is one object of columns; save a row a line")


def test_a_name_that_occurs_twice_in_an_object_is_refused_in_any_layout_of_json(here):
    twice = '{"question": "1+1?", "gold": "2", "gold": "3"}'
    for name, text in (("a.jsonl", twice), ("b.json", f"[{twice}]"), ("c.json", twice.replace(", ", ",\n"))):
        (here / name).write_text(text + "\n")
        assert "two columns are called 'gold'" in refused(name)


def test_a_header_that_is_not_utf8_is_refused_with_its_line(here):
    (here / "a.csv").write_bytes("question,gold,réponse\n".encode("latin-1") + b"1+1?,2,x\n" * 40)
    assert refused("a.csv") == "a.csv:1: not Unicode: it has bytes that are not UTF-8; save the file as UTF-8"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("https://example.com/a.jsonl", "is an address"),
        ("rows.zip", "no such file"),
        ("answers.xlsx", "no such file"),
    ],
)
def test_what_is_neither_a_file_nor_a_name_on_the_hub_is_not_looked_for_there(here, data, what):
    assert what in refused(data)


def test_columns_that_are_options_of_the_verifier_are_told(here, caplog):
    (here / "a.jsonl").write_text(lines(*(row | {"digits": 1, "unit": "cm"} for row in ROWS)))
    task = build("a.jsonl", verifier="math")
    assert "verifier 'math' takes digits from the data's columns of that name" in caplog.text
    assert task.verifier([{"prediction": "0.3", "gold": "1/3", "digits": 1}])[0].score == 1.0  # as documented
    caplog.clear()
    (here / "b.jsonl").write_text(lines(*(row | {"tests": ["assert f(1) == 1"], "entry_point": "f"} for row in ROWS)))
    build("b.jsonl", verifier="code")
    assert not caplog.text  # what a problem of this verifier is made of


def test_tools_of_a_chat_are_not_shown_and_that_is_said(here, caplog):
    chats = [
        row | {"question": [{"role": "user", "content": row["question"]}], "tools": [{"name": "f"}]} for row in ROWS
    ]
    (here / "a.jsonl").write_text(lines(*chats))
    build("a.jsonl")
    assert "the column tools is not shown to the policy" in caplog.text


def test_one_object_over_several_lines_is_one_row_and_a_broken_one_is_told_with_its_line(here):
    (here / "one.json").write_text(json.dumps(ROWS[0], indent=2))
    assert len(every(build("one.json"))) == 1
    (here / "cut.jsonl").write_text(lines(ROWS[0]) + '{"question": "1+1?",\n')
    assert refused("cut.jsonl").startswith("cut.jsonl:2: not JSON")
    second = json.dumps(ROWS[1] | {"gold": ""}, indent=2)
    (here / "second.json").write_text(json.dumps(ROWS[0], indent=2) + "\n" + second)
    first = json.dumps(ROWS[0], indent=2).count("\n") + 1
    assert refused("second.json").startswith(f"second.json:{first + 1}: the answer")


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.csv", "question,gold\n1+1?,2\n".encode("utf-16-le"), "holds NUL bytes, as UTF-16 does; save it as UTF-8"),
        ("a.jsonl", b"\xff\xfe\x00", "begins like UTF-16 but is not valid"),
        (
            "a.jsonl",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "is a Git LFS pointer, not the data",
        ),
        ("a.parquet", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a Git LFS pointer"),
        ("a.arrow", b"no arrow", "not a readable arrow file"),
        ("a.jsonl.xz", b"\xfd7zXZ\x00cut", "the xz file is damaged"),
        ("a.lz4", b"x", ".lz4 is not a known format; known are .jsonl, .ndjson"),
    ],
)
def test_what_cannot_be_read_says_what_it_is(here, name, data, what):
    (here / name).write_bytes(data)
    assert refused(name).startswith(f"{name}: {what}")


def test_a_split_column_that_is_not_there_or_empty_is_named(here):
    (here / "a.jsonl").write_text(lines(*ROWS))
    assert refused("a.jsonl", split_column="idd") == (
        "task.split_column: no row has a column 'idd'; did you mean 'id'?"
    )
    (here / "a.jsonl").write_text(lines(ROWS[0] | {"part": "train"}, ROWS[1] | {"part": None}))
    assert refused("a.jsonl", split_column="part") == (
        "a.jsonl:2: column 'part', which names the split of each row, is empty"
    )


def test_splits_that_the_data_calls_by_number_can_be_named(here):
    (here / "a.jsonl").write_text(lines(*(row | {"fold": number % 2} for number, row in enumerate(ROWS))))
    data = {"train": "a.jsonl:0", "test": "a.jsonl:1"}
    task = dataset.build(
        DatasetTask(name="dataset", data=data, split_column="fold", verifier="chain", validation=0.0), 0
    )
    assert {row["fold"] for row in task.splits["train"]} == {0} and {row["fold"] for row in task.splits["test"]} == {1}
