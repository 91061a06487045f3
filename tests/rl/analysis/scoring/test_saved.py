import gzip
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from rl.analysis.scoring import saved
from rl.cli import run
from rl.errors import UserError

QUICKSTART = str(Path(__file__).parents[4] / "configs" / "quickstart.yaml")
REWARDS = "rewards: {correctness: {verifier: chain}, steps: {verifier: chain, weight: 0.5}, repetition: {}}\n"
ROWS = [
    {"question": "7*3-4?", "solution": ["7*3=1;1-4=7#7", "#7"], "answer": 7, "is_correct": True},
    {"question": "1+1?", "solution": "1+1=3#3", "answer": 2, "is_correct": False},
]


@pytest.fixture
def files(tmp_path):
    """A file of rewards alone, and a writer of rows."""
    (tmp_path / "rewards.yaml").write_text(REWARDS)

    def write(rows, name="rows.jsonl"):
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
        file = tmp_path / name
        file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return str(file)

    return str(tmp_path / "rewards.yaml"), write


def refused(capsys, *arguments):
    """The line that a command prints when it exits with 2."""
    with pytest.raises(SystemExit) as stopped:
        run(["score", *arguments])
    printed = capsys.readouterr()
    assert stopped.value.code == 2 and printed.out == ""
    (line,) = printed.err.splitlines()
    return line


def test_a_file_is_scored_and_shown_and_written_without_torch(files, tmp_path):
    config, write = files
    out, page = tmp_path / "out.parquet", tmp_path / "out.html"
    arguments = ["score", write(ROWS, "rows.jsonl.gz"), "--rewards", config, "--out", str(out), "--html", str(page)]
    script = f"import sys; from rl.cli import run; run({arguments!r}); print('torch' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "3 completions of 2 prompts" in printed and printed.rstrip().endswith("False")
    assert "read: completion from solution, prompt from question, gold from answer, correct from is_correct" in printed
    assert "agreement with correct" in printed and "pairs of rewards" in printed
    frame = pd.read_parquet(out)
    assert list(frame["correctness"]) == [1.0, 1.0, 0.0] and list(frame["group"]) == [0, 0, 1]
    assert list(frame["steps"]) == [1.0, 0.0, 0.0] and list(frame["gold"]) == ["7", "7", "2"]
    html = page.read_text()
    assert "data:image/png;base64," in html and "2 operations left out" in html and "1+1=3" in html


def test_the_page_shows_line_ends_and_latex_and_markup_as_they_are(files, tmp_path):
    config, write = files
    page = tmp_path / "page.html"
    rows = [{"question": "1+1?", "solution": "<b>a \\neq b\nso #2", "answer": "2"}, {"solution": "", "answer": None}]
    run(["score", write(rows), "--rewards", config, "--html", str(page)])
    assert '<td class="text">&lt;b&gt;a \\neq b\nso #2</td>' in page.read_text()


def test_a_template_joins_columns_and_lists(files):
    _, write = files
    file = write([{"steps": ["one", "two"], "label": "b", "n": 3}])
    read = saved.read(file, {"completion": "{steps}\nSo the answer is {label}, {n}."})
    assert read.rows[0]["completion"] == "one\n\ntwo\nSo the answer is b, 3."


def test_rows_without_a_completion_or_broken_are_refused_or_counted(files, capsys):
    config, write = files
    file = write([*ROWS, {"question": "2+2?", "answer": "4"}, "{no"])
    line = refused(capsys, file, "--rewards", config)
    assert line.startswith(f"whetstone: {file}:4: not JSON") and line.endswith("--skip leaves such rows out")
    file = write([*ROWS, {"question": "2+2?", "answer": "4"}])
    line = refused(capsys, file, "--rewards", config)
    assert f"{file}:3: no completion: 'solution' is empty or missing, as in 1 of 3 rows" in line
    file = write([*ROWS, {"question": "2+2?", "answer": "4"}, "{no"])
    run(["score", file, "--rewards", config, "--skip"])
    printed = capsys.readouterr().out
    assert "left out: 1 row without a completion" in printed and "left out: 1 row that could not be read" in printed


@pytest.mark.parametrize(
    ("rows", "more", "message"),
    [
        ([{"text": "1"}], [], "no column of completions: none is called completion, prediction"),
        ([{"text": "1"}], [], "Its columns: text."),
        (ROWS, ["--column", "completion=solutoin"], "did you mean 'solution'?"),
        (ROWS, ["--column", "completion={solution} {labl}"], "no column 'labl'"),
        (ROWS, ["--column", "completion={solution"], "not a valid template"),
        (ROWS, ["--column", "solution"], "expected WHAT=NAME"),
        ([{"completion": "1", "prompt": "1?"}], [], "reward 'correctness' needs a column 'gold'"),
        ([], [], "has no rows"),
        (
            [{"completion": {"words": "1"}}],
            [],
            "rows.jsonl:1: the completion is a dict, not text, a list of texts or a chat",
        ),
        (ROWS, ["--out", "scores.csv"], "expected a .parquet file"),
        (ROWS, ["--html", "gone/scores.html"], "the folder gone does not exist"),
        (ROWS, ["rewards.steps.wieght=2"], "did you mean 'weight'?"),
        (ROWS, ["mix.aggregation=max"], "'max' is not one"),
        (ROWS, ["--column", "correct=answer"], "correct: expected a number in [0, 1], got 7"),
        (ROWS, ["--tokenizer", "./gone"], "--tokenizer: './gone' could not be loaded"),
    ],
)
def test_wrong_input_is_one_line(files, capsys, rows, more, message):
    config, write = files
    assert message in refused(capsys, write(rows), "--rewards", config, *more)


def test_a_config_without_rewards_is_refused(tmp_path, capsys):
    config = tmp_path / "only_mix.yaml"
    config.write_text("mix: {aggregation: sum}\n")
    assert "the config needs `rewards:`" in refused(capsys, "rows.jsonl", "--rewards", str(config))


def test_a_whole_config_judges_with_the_verifier_of_its_task(files):
    _, write = files
    settings = saved.settings(QUICKSTART)
    scored = saved.score_rows(saved.read(write(ROWS), {}), settings)
    assert list(scored.frame["correctness"]) == [1.0, 1.0, 0.0]  # math would read another answer from `#7`


def test_a_usual_name_of_something_else_is_not_taken_for_correctness(files):
    _, write = files
    read = saved.read(write([{"completion": "A", "correct": "B"}]), {})
    assert "correct" not in read.columns and read.rows[0] == {"completion": "A", "row.correct": "B"}


def test_a_csv_says_right_and_wrong_in_words_and_nothing_by_an_empty_field(files, tmp_path):
    (tmp_path / "rows.csv").write_text("response,correct\n1,True\n2,false\n3,\n4,0.5\n")
    read = saved.read(str(tmp_path / "rows.csv"), {})
    assert [row["correct"] for row in read.rows] == [1.0, 0.0, None, 0.5]


def test_a_number_is_a_completion_and_an_empty_list_is_none(files):
    _, write = files
    read = saved.read(write([{"completion": 7}, {"completion": []}]), {}, skip=True)
    assert [row["completion"] for row in read.rows] == ["7"] and read.without == 1


def test_failures_are_said_and_are_no_zeros(files, capsys, tmp_path):
    _, write = files
    (tmp_path / "mine.py").write_text("def broken(prompts, completions, **columns):\n    raise RuntimeError('oh')\n")
    run(["score", write(ROWS), f"rewards.broken.function={tmp_path / 'mine.py'}:broken"])
    printed = capsys.readouterr().out
    assert "broken failed on 3 completions; row 0: RuntimeError: oh" in printed


def test_a_policy_is_loaded_only_where_the_config_names_one(files):
    assert not saved.settings(files[0]).has_policy
    assert saved.settings(QUICKSTART).has_policy
    with pytest.raises(UserError, match="is not one"):
        saved.settings(files[0], ["rewards.steps.verifier=chan"])


# ---------------------------------------------------------------- whose columns hold what

ASKED = [{"role": "system", "content": "Add."}, {"role": "user", "content": "2+2?"}]
RIGHT = [{"role": "assistant", "content": "It is 4."}]


def judged(write, rows, name="rows.jsonl", columns=None, **more):
    """What was read of some rows, and the values of `correctness` by math."""
    read = saved.read(write(rows, name), columns or {}, **more)
    return read, list(
        saved.score_rows(read, saved.settings(None, ["rewards.correctness.verifier=math"])).frame["correctness"]
    )


@pytest.mark.parametrize("name", ["response", "generation", "completion", "prediction", "output", "responses"])
def test_a_reference_solution_is_no_completion_where_one_is_there(files, name):
    row = {"problem": "2+2?", "solution": r"So it is \boxed{4}.", name: "It is 5."}
    read, values = judged(files[1], [row])
    assert (read.columns["completion"], read.columns["gold"], values) == (name, "solution", [0.0])
    read, values = judged(files[1], [{**row, "answer": "5"}])
    assert (read.columns["gold"], values) == ("answer", [1.0])


@pytest.mark.parametrize("gold", [4, 4.0, ["5", "4"], [5, 4], ["4"], [None, "", "4"]])
def test_numbers_and_lists_of_golds_are_golds(files, gold):
    rows = [{"response": "It is 4.", "answer": gold}, {"response": "It is 3.", "answer": gold}]
    assert judged(files[1], rows)[1] == [1.0, 0.0]


def test_verls_rollouts(files):
    rows = [
        {"input": f"user\n{question}\nassistant\n", "output": text, "gts": gold, "score": 0.0, "step": 1, "acc": False}
        for question in ("2+2?", "3+3?")
        for text, gold in (("It is 4.", "4"), ("It is 5.", "4"))
    ]
    read, values = judged(files[1], [rows[0], rows[2], rows[1], rows[3]])
    assert read.columns == {"completion": "output", "prompt": "input", "gold": "gts"}
    assert values == [1.0, 1.0, 0.0, 0.0]


def test_results_of_verifiers_and_prime_rl(files):
    call = {"role": "assistant", "content": None, "tool_calls": ["{}"]}
    tool = {"role": "tool", "content": "4", "tool_call_id": "1"}
    row = {"example_id": 3, "prompt": ASKED, "answer": "4", "info": {"level": 1}, "reward": 1.0, "metrics": {"n": 1}}
    read, values = judged(
        files[1],
        [
            {**row, "completion": RIGHT},
            {**row, "completion": [call, tool]},
            {**row, "completion": [call, tool, *RIGHT]},
        ],
    )
    assert values == [1.0, 0.0, 1.0] and read.rows[0]["prompt"] == ASKED


@pytest.mark.parametrize(
    "arguments", [[["Q: 2+2?", {"until": ["\n"]}]], {"gen_args_0": {"arg_0": "Q: 2+2?", "arg_1": {}}}]
)
def test_samples_of_lm_eval(files, arguments):
    row = {
        "doc_id": 0,
        "doc": {"question": "2+2?", "answer": "2+2=4\n#### 4"},
        "target": "2+2=4\n#### 4",
        "arguments": arguments,
        "resps": [["#### 4", "#### 5"]],
        "filtered_resps": ["4"],
        "filter": "strict-match",
        "exact_match": 1.0,
    }
    read, values = judged(files[1], [row, {**row, "filter": "flexible-extract"}])
    assert (read.columns["completion"], read.columns["gold"]) == ("resps", "target")
    assert read.rows[0]["prompt"] == "Q: 2+2?" and read.repeated == 1 and values == [1.0, 0.0]


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        ({"messages": [*ASKED, *RIGHT]}, ASKED),
        ({"conversations": [{"from": "human", "value": "2+2?"}, {"from": "gpt", "value": "It is 4."}]}, ASKED[1:]),
        ({"messages": [*ASKED, {"role": "assistant", "content": "5"}, ASKED[1], *RIGHT]}, None),
        ({"messages": json.dumps([*ASKED, *RIGHT])}, ASKED),
        ({"prompt": "2+2?", "messages": [*ASKED, *RIGHT]}, "2+2?"),
        ({"prompt": ASKED, "completion": RIGHT[0]}, ASKED),
        ({"prompt": json.dumps(ASKED), "completion": "It is 4."}, ASKED),
    ],
)
def test_a_conversation_is_a_prompt_and_what_follows_the_users_last_words(files, row, prompt):
    read, values = judged(files[1], [{**row, "answer": "4"}])
    assert values == [1.0] and read.rows[0]["completion"] in (RIGHT, "It is 4.")
    assert prompt is None or read.rows[0]["prompt"] == prompt


def test_several_chats_are_a_group_of_their_prompt(files):
    wrong = [{"role": "assistant", "content": "It is 5."}]
    read, values = judged(files[1], [{"prompt": ASKED, "completions": [RIGHT, wrong], "answer": "4"}])
    assert values == [1.0, 0.0] and len(read.rows) == 1


def test_dots_lead_into_columns_and_templates(files):
    row = {"reward_model": {"ground_truth": "4"}, "out": {"steps": ["a"], "text": "It is 4."}, "a.b": "4"}
    named = {"completion": "out.text", "prompt": "{out.steps}: {a.b}"}
    read, values = judged(files[1], [row], columns=named)
    assert read.columns == {**named, "gold": "reward_model.ground_truth"}
    assert values == [1.0] and read.rows[0]["prompt"] == "a: 4"
    with pytest.raises(UserError, match=r"no column 'out.txt'; did you mean 'out.text'"):
        saved.read(files[1]([row]), {"completion": "out.txt"})


@pytest.mark.parametrize(
    ("rows", "columns", "groups"),
    [
        ([{"prompt": p} for p in "pqpq"], {}, [0, 1, 0, 1]),
        ([{"prompt": [{"role": "user", "content": p}]} for p in "pqpq"], {}, [0, 1, 0, 1]),
        ([{"prompt_id": i} for i in (1, 2, 1, 2)], {}, [0, 1, 0, 1]),
        ([{"prompt": None, "uid": i} for i in "abab"], {}, [0, 1, 0, 1]),
        ([{"prompt": "p", "uid": "a"}, {"uid": "b"}, {"prompt": "p", "uid": "c"}, {"uid": "b"}], {}, [0, 1, 0, 1]),
        ([{"id": i} for i in (1, 2, 1, 2)], {"group": "id"}, [0, 1, 0, 1]),
        ([{"prompt": "p", "meta": {"id": i}} for i in (1, 2, 1, 2)], {"group": "meta.id"}, [0, 1, 0, 1]),
        ([{"id": i} for i in (1, 2, 1, 2)], {}, [0, 1, 2, 3]),
    ],
)
def test_completions_are_grouped_by_prompt_or_id_wherever_they_stand(files, rows, columns, groups):
    file = files[1]([{**row, "response": f"It is {n}.", "answer": "4"} for n, row in enumerate(rows)])
    read = saved.read(file, columns)
    settings = saved.settings(None, ["rewards.correctness.verifier=math", "mix.aggregation=normalise_then_sum"])
    if max(groups) == 3:
        with pytest.raises(UserError, match="has no prompts"):
            saved.score_rows(read, settings)
    else:
        assert list(saved.score_rows(read, settings).frame["group"]) == groups


def test_a_folder_of_datasets_is_scored_with_all_its_splits(tmp_path):
    import datasets

    rows = [{"prompt": ASKED, "completion": RIGHT, "answer": ["4", "5"], "n": n} for n in range(3)]
    parts = {"train": datasets.Dataset.from_list(rows[:2]), "test": datasets.Dataset.from_list(rows[2:])}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "saved")
    parts["train"].save_to_disk(tmp_path / "one")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for folder, count in (("saved", 3), ("one", 2), ("plain", 3)):
        read = saved.read(str(tmp_path / folder), {})
        settings = saved.settings(None, ["rewards.correctness.verifier=math"])
        assert list(saved.score_rows(read, settings).frame["correctness"]) == [1.0] * count


def test_pictures_in_a_message_are_named_by_their_row(files, capsys):
    row = {"completion": [{"role": "assistant", "content": [{"type": "image", "image": "x"}]}], "answer": "4"}
    assert "rows.jsonl:1: a message of the assistant has a part of type 'image'" in refused(
        capsys, files[1]([row]), "--rewards", files[0]
    )


def test_loglikelihoods_of_lm_eval_are_no_completions(files, capsys):
    row = {"doc_id": 0, "target": 1, "resps": [[[-1.5, True]], [[-2.5, False]]]}
    assert "the completion is a list of lists, not text, a list of texts or a chat" in refused(
        capsys, files[1]([row]), "--rewards", files[0]
    )


def test_a_column_without_a_value_is_passed_over_for_one_with_values(files):
    row = {"completion": None, "response": "It is 4.", "gold": None, "answer": "4"}
    read, values = judged(files[1], [row])
    assert (read.columns["completion"], read.columns["gold"], values) == ("response", "answer", [1.0])


def test_a_missing_one_among_several_completions_is_no_silent_loss(files, capsys):
    row = {"completions": ["4", None], "answer": "4"}
    assert "1 of its 2 completions are missing" in refused(capsys, files[1]([row]), "--rewards", files[0])


def batch_line(content, **response):
    """A line of OpenAI's batch output."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, "refusal": None},
        "finish_reason": "stop",
    }
    body = {"id": "c", "object": "chat.completion", "choices": [choice], "usage": {}}
    response = {"status_code": 200, "request_id": "q", "body": body, **response}
    return {"id": "b", "custom_id": "1", "response": response, "error": None, "answer": "4"}


FAILED = {"status_code": 429, "body": {"message": "Rate limit of 4", "code": 4}}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (batch_line("It is 4."), [1.0]),
        (batch_line("It is 5."), [0.0]),
        (batch_line(None), [0.0]),
        ({"response": {"choices": [{"message": RIGHT[0]}, {"message": {**RIGHT[0], "content": "5"}}]}}, [1.0, 0.0]),
        ({"prompt": "q", "outputs": [{"text": "It is 4.", "index": 0}, {"text": "It is 5.", "index": 1}]}, [1.0, 0.0]),
        ({"completion": {"text": "It is 4.", "finish_reason": "stop"}}, [1.0]),
    ],
)
def test_what_a_server_answered_is_read(files, row, expected):
    assert judged(files[1], [{"answer": "4", **row}])[1] == expected


def test_an_error_that_a_server_answered_is_no_completion(files):
    rows = [batch_line("It is 4."), batch_line("It is 4.", **FAILED), {**batch_line(""), "response": None}]
    read, values = judged(files[1], rows, skip=True)
    assert values == [1.0] and read.without == 2
    with pytest.raises(UserError, match=r":2: no completion: 'response' is empty or missing, as in 2 of 3 rows"):
        saved.read(files[1](rows), {})


def test_choices_of_a_server_are_read_where_the_user_names_them(files):
    rows = [{"choices": [{"message": RIGHT[0]}, {"text": "It is 5."}], "answer": "4"}]
    assert judged(files[1], rows, columns={"completion": "choices"})[1] == [1.0, 0.0]
    with pytest.raises(UserError, match="no column of completions"):  # by itself it may be what a question offers
        saved.read(files[1](rows), {})


def test_older_samples_of_lm_eval_that_name_no_filter_count_once(files):
    row = {"doc_id": 0, "doc": {"question": "2+2?"}, "target": "4", "resps": [["It is 4."]], "filtered_resps": ["4"]}
    read, values = judged(files[1], [row, {**row, "filtered_resps": ["-"]}, {**row, "doc_id": 1}])
    assert values == [1.0, 1.0] and read.repeated == 1


@pytest.mark.parametrize("messages", [ASKED, [*ASKED, {"role": "assistant", "content": "5"}]])
def test_a_conversation_beside_a_completion_is_its_prompt(files, messages):
    read, values = judged(files[1], [{"messages": messages, "response": "It is 4.", "answer": "4"}])
    assert values == [1.0] and read.rows[0]["prompt"] == ASKED


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ('{"response": "4"}\n{"response": "4", "response": "5"}\n', ":2: two columns are called 'response'"),
        ('{"response": {"a": 1, "a": 2}, "answer": "4"}\n', "the completion is a dict"),
        ("", "has no rows"),
        ("\n\n", "has no rows"),
        ('{"solution_str": "4", "answer": "4"}\n', "Its columns: solution_str, answer"),
        ('{"response": NaN, "answer": "4"}\n', ":1: no completion"),
        ('{"response": {"a": "4"}, "answer": "4"}\n', "the completion is a dict, not text"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_in_one_line(files, tmp_path, capsys, rows, message):
    (tmp_path / "rows.jsonl").write_text(rows)
    assert message in refused(capsys, str(tmp_path / "rows.jsonl"), "--rewards", files[0])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["completion=solution", "completion=answer"], "completion is given twice: solution and answer"),
        (["completions=solution"], "scoring reads no 'completions'; did you mean 'completion'?"),
        (["Golds=answer"], "did you mean 'gold'?"),
        (["=answer"], "expected WHAT=NAME"),
    ],
)
def test_a_column_that_is_named_wrongly_is_refused(files, capsys, columns, message):
    more = [part for column in columns for part in ("--column", column)]
    assert message in refused(capsys, files[1](ROWS), "--rewards", files[0], *more)


def test_a_gold_that_is_an_object_is_not_taken_for_an_answer(files, capsys):
    config, write = files
    row = {"prompt": "1+1?", "completion": "1+1=2#2", "answer": {"value": "2"}, "target": "2"}
    assert saved.read(write([row]), {}).columns["gold"] == "target"
    named = refused(capsys, write([{"completion": "1+1=2#2", "gold": {"value": "2"}}]), "--rewards", config)
    assert named.endswith("the gold is an object; --column gold=COLUMN.KEY names what is in it: gold.value")


@pytest.mark.parametrize(
    ("task", "right", "wrong", "gold"),
    [
        ("{name: addition, trace: reversed}", "59", "95", "95"),
        ("{name: addition, trace: simplified}", "5,1;9,0#95", "95", "95"),
        ("{name: stories, verifier: equation_system}", "answer = 12 + 9", "12 + 9", "21"),
    ],
)
def test_the_verifier_of_a_task_has_the_options_of_the_config(files, tmp_path, task, right, wrong, gold):
    _, write = files
    config = tmp_path / "whole.yaml"
    config.write_text(f"task: {task}\nrewards: {{correctness: {{}}}}\n")
    prompt = "28+67=" if "addition" in task else "Ann has 12 figs. Ann finds 9. How many figs has Ann?"
    rows = [{"prompt": prompt, "completion": one, "gold": gold} for one in (right, wrong)]
    scored = saved.score_rows(saved.read(write(rows), {}), saved.settings(str(config)))
    assert list(scored.frame["correctness"]) == [1.0, 0.0]
