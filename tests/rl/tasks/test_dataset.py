import gzip
import json

import pyarrow
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
    ],
)
def test_choices_in_every_usual_form_are_shown_as_lines(here, choices):
    (here / "a.jsonl").write_text(lines({"question": "Where?", "gold": "B", "choices": choices}))
    (row,) = every(build("a.jsonl", template="{question}\n{choices}"))
    assert row["prompt"] == "Where?\nA. left\nB. right"
    assert row["choices"] == [{"label": "A", "text": "left"}, {"label": "B", "text": "right"}]


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
        ('["question"]', {}, "not a JSON object but list"),
        ('{"question": "2?"}', {}, "no column 'gold', which every task needs"),
        ('{"quesiton": "2?", "gold": "1"}', {}, "no column 'question', which task.template needs; did you mean 'quesi"),
        ('{"question": "2?", "gold": " "}', {}, "the answer (column 'gold') is empty"),
        ('{"question": "2?", "gold": NaN}', {}, "the answer (column 'gold') is empty"),
        ('{"question": "2?", "gold": null}', {}, "column 'gold', which every task needs, is empty"),
        ('{"question": null, "gold": "1"}', {}, "column 'question', which task.template needs, is empty"),
        ('{"question": NaN, "gold": "1"}', {}, "column 'question' is empty"),
        ('{"question": " ", "gold": "1"}', {}, "nothing to ask: 'question' is empty"),
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
    assert refused("a.csv").startswith("a.csv:5: 1 fields under a header of 2")
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
    assert refused("empty.jsonl") == "empty.jsonl: no rows in it"
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
        ({"validation": 0.5, "test": 0.5}, "task.validation: with task.test it takes 1 of train"),
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
    assert said == "a.jsonl, b.jsonl: a prompt stands in both train and test: 'What is 5 and 5?'"


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
