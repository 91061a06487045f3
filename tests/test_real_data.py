"""The data of configs/real, made from small files of our own."""

import gzip
import importlib.util
import json
import sys
from pathlib import Path

import pytest

from rewards.parts.rationale import layout
from rl import tasks
from rl.config import load, load_stages
from rl.config.layers import arms
from rl.examples.reading import rows_of
from verifiers.runtime.verifier import Verifier

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture(scope="module")
def bench():
    """A module of `bench/`, by its name."""

    def module(name):
        sys.path.insert(0, str(BENCH))
        try:
            spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
            found = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(found)
        finally:
            sys.path.remove(str(BENCH))
        return found

    return module


@pytest.fixture(scope="module")
def maker(bench):
    return bench("real_data")


@pytest.mark.parametrize(
    ("number", "words"), [(0, "zero"), (19, "nineteen"), (40, "forty"), (121, "one hundred twenty-one")]
)
def test_numbers_in_words(maker, number, words):
    assert maker.in_words(number) == words


def operands_of(maker, question):
    """The operands of a sum in digits or in words."""
    known = {maker.in_words(number): number for number in range(100)}
    return [known[word] if word in known else int(word) for word in question.replace("plus", "+").split(" + ")]


def test_sums_are_right_and_operands_are_held_out_whatever_their_order(maker):
    rows = list(maker.sums({2: (2, 49), 3: (2, 19)}, {"train": 600, "validation": 40, "test": 80}))
    homes = {}
    for row in rows:
        operands = operands_of(maker, row["question"])
        assert str(sum(operands)) == row["answer"] and len(operands) == row["terms"]
        assert max(operands) <= {2: 49, 3: 19}[row["terms"]] and tuple(sorted(operands)) not in maker.SHOWN
        homes.setdefault(tuple(sorted(operands)), []).append(row["split"])
    assert len(rows) == 720 and {row["form"] for row in rows} == {"words", "digits"}
    assert all(len(set(splits)) == 1 for splits in homes.values())
    assert all(len(splits) == 1 for splits in homes.values() if splits[0] != "train")


def test_the_sums_in_the_prompt_are_those_that_no_split_has(maker):
    file = BENCH.parent / "configs" / "real" / "sums.yaml"
    for overrides in arms(file).values():
        *shown, asked = load(file, overrides).task.template.splitlines()
        sums = [line.split(" = ") for line in shown]
        assert {tuple(sorted(operands_of(maker, question))) for question, *_ in sums} == maker.SHOWN
        for question, *worked, answer in sums:
            total = sum(operands_of(maker, question))
            assert int(answer) == total and all(sum(operands_of(maker, one)) == total for one in worked)
        assert asked == "{question} ="


def test_each_run_of_the_bench_is_a_config_that_loads(bench):
    names = bench("real_runs")
    for rung, module in bench("real").RUNGS.items():
        for arm, overrides in arms(module.FILE).items():
            given = [*overrides, f"name={names.run_name(rung, arm, 2)}"]
            configs = load_stages(module.FILE, given) or {"": load(module.FILE, given)}
            assert all("-2" in config.name for config in configs.values())
    assert names.run_name("sums", "GRPO, answers at once", 0) == "sums-grpo-answers-at-once-0"


def test_what_a_run_changed_is_counted_by_problem_and_by_kind(bench):
    sums, changes = bench("real_sums"), bench("real_runs").changes

    def answers(*right):
        asked = ["four plus two =", "4 + 2 =", "4 + 2 + 5 =", "one plus two plus one ="]
        prompts = [f"1 + 2 = 3\n{question}" for question in asked]
        return [{"prompt": prompt, "score": score} for prompt, score in zip(prompts, right, strict=True)]

    before, after = answers(0.0, 1.0, 0.0, None), answers(1.0, 1.0, 1.0, 0.0)
    assert [sums.kind_of(one["prompt"]) for one in before] == [sums.KINDS[place] for place in (1, 0, 2, 3)]
    # two more right and none fewer: 2 / 2² by McNemar's exact test
    assert changes(before, after) == {"gained": 2, "lost": 0, "p": 0.5}
    assert sums.right(before, "two in words") == 0.0 and sums.right(after, "three in digits") == 1.0


def test_an_arm_with_several_seeds_has_a_line_over_all_their_problems(bench):
    real_table = bench("real_table")

    def row(seed, before, after, gained, lost):
        own = {"arm": "a", "seed": seed, "gained": gained, "lost": lost, "minutes": 7.0, "tokens": 1000}
        for when, share in (("before", before), ("after", after)):
            own |= {f"{when}.n": 10, f"{when}.greedy": share, f"{when}.greedy.low": 0.0, f"{when}.greedy.high": 1.0}
            own |= {f"larger.{when}.greedy": share} | {f"kinds.{kind}.{when}": share for kind in real_table.KINDS}
        return own

    one, two = row(0, 0.1, 0.4, 4, 1), row(1, 0.3, 0.4, 1, 0)
    assert len(real_table.sums_table([one]).rows) == 1
    over_all = real_table.sums_table([one, two]).rows[2]
    # 4 and 8 of 20 with Wilson's intervals; 5 gained and 1 lost: 2 (1 + 6) / 2⁶ by McNemar's exact test
    assert over_all[1:4] == ["all", "0.200 [0.081, 0.416] → 0.400 [0.219, 0.613]", "5, 1 (p = 0.21875)"]


def test_word_problems_have_the_base_model_its_supervised_start_and_the_end(bench):
    def row(seed, *greedy):
        own = {"arm": "a", "seed": seed, "gained": 2, "lost": 0, "minutes.sft": 10.0, "minutes.rl": 20.0}
        for when, share in zip(("base", "before", "after"), greedy, strict=True):
            own |= {f"{when}.n": 10, f"{when}.greedy": share}
            own |= {f"{when}.{name}": share for name in ("mean_at_k", "maj_at_k", "pass_at_k", "chain")}
        return own

    line = bench("real_table").word_problems_table([row(0, 0.0, 0.1, 0.3), row(1, 0.0, 0.3, 0.5)]).rows[2]
    assert line[1:3] == ["all", "0.000 [0.000, 0.161], 0.200 [0.081, 0.416] → 0.400 [0.219, 0.613]"]
    assert line[3:5] == ["4, 0 (p = 0.1250)", "0.200 → 0.400"] and line[-1] == "10, 20"


@pytest.mark.parametrize(
    ("equation", "lines"),
    [
        ("* + 3.0 4.0 2.0", "3 + 4 = 7\n7 * 2 = 14"),
        ("( 76.0 - 25.0 )", "76 - 25 = 51"),
        ("( ( 8.0 / 2.0 ) - ( 1.0 + 2.0 ) )", "1 + 2 = 3\n8 / 2 = 4\n4 - 3 = 1"),
        ("8.0", "8"),
    ],
)
def test_an_equation_is_worked_line_by_line(maker, equation, lines):
    assert maker.worked(equation) == lines
    verdict = Verifier("steps")([{"prediction": lines, "gold": lines.split()[-1]}])[0]
    assert verdict.right


def test_a_division_by_zero_is_refused(maker):
    with pytest.raises(ValueError, match="divides by zero"):
        maker.worked("/ 3.0 0.0")


def test_questions_that_differ_by_their_numbers_are_in_one_split_and_none_is_like_a_test_question(maker, tmp_path):
    def row(question, split):
        return json.dumps({"question": question, "answer": "7", "equation": "+ 3 4", "split": split})

    rows = [row("Ann has 3 apples.", "train"), row("Bo ate 4 figs.", "train"), row("Bo ate 9 figs!", "train")]
    file = tmp_path / "svamp.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join([*rows, row("Ann has 5 apples", "test")]).encode()))
    made = list(maker.word_problems(file))
    assert [one["question"] for one in made] == ["Bo ate 4 figs.", "Bo ate 9 figs!", "Ann has 5 apples"]
    assert [one["split"] for one in made] == ["sft", "sft", "test"]


def test_only_short_proofs_are_kept_and_each_ends_with_its_answer(maker, tmp_path):
    def row(statements, split):
        said = {"question": "?", "context": "A.", "query": "A.", "answer": "true", "split": split}
        return json.dumps({**said, "rationale": "\n".join(["A."] * statements)})

    file = tmp_path / "prontoqa.jsonl.gz"
    file.write_bytes(
        gzip.compress("\n".join([row(7, "train"), row(9, "train"), row(3, "rest"), row(3, "test")]).encode())
    )
    made = list(maker.deduction(file))
    assert [one["split"] for one in made] == ["sft", "train", "test"]
    assert made[1]["proof"] == "A.\nA.\nA.\nSo the answer is true."


CHOICES = [{"label": "A", "text": "four"}, {"label": "B", "text": "no"}]


def mario_row(question, split, answer="A", *, choices=CHOICES, rationale=None):
    """A row as MaRio's data sets are stored."""
    given = {"question": question, "answer": answer, "choices": choices, "rationale": rationale, "split": split}
    return json.dumps({name: value for name, value in given.items() if value is not None})


@pytest.fixture
def made(maker, tmp_path):
    """Rows → what `rationales` makes of a file of them."""

    def make(*rows):
        file = tmp_path / "some.jsonl.gz"
        file.write_bytes(gzip.compress("\n".join(rows).encode()))
        return maker.rationales(file)

    return make


def test_prompts_show_the_choices_and_every_silver_completion_is_judged_right(made):
    asked, silver = made(
        mario_row("Dogs have <mask> legs.", "train", rationale="Dogs walk on four legs."),
        mario_row("Dogs have <mask> legs.", "train", rationale="A dog has four."),
        mario_row("Do dogs fly?", "train", "no", choices=None, rationale="Dogs have no wings."),
        mario_row("Cats have <mask> wings.", "dev", "B"),
        mario_row("Dogs have <mask> legs.", "train_masked_all"),
    )
    assert [row["prompt"] for row in asked] == [
        "Cats have <mask> wings.\n(A) four (B) no", "Dogs have <mask> legs.\n(A) four (B) no", "Do dogs fly?",
    ]  # fmt: skip
    assert [row["split"] for row in asked] == ["validation", "train", "train"]
    assert [row["silver"] for row in silver] == [
        " Dogs walk on four legs. So the answer is (A).", " A dog has four. So the answer is (A).",
        " Dogs have no wings. So the answer is no.",
    ]  # fmt: skip
    verdicts = Verifier("choice")([{"prediction": row["silver"], **row} for row in silver])
    assert [verdict.right for verdict in verdicts] == [True] * 3
    assert all(layout({}, "choice").split(row["silver"]).rationale == row["rationale"] for row in silver)


def test_a_question_of_two_splits_is_held_out_and_five_rationales_of_a_question_stay(made):
    rows = [mario_row("Do dogs fly?", "train", "no", choices=None, rationale=f"No {n}.") for n in range(7)]
    asked, silver = made(*rows, mario_row("Do cats fly?", "train", "no", choices=None, rationale="No."),
                         mario_row("Do cats fly?", "test", "no", choices=None))  # fmt: skip
    assert [(row["prompt"], row["split"]) for row in asked] == [("Do cats fly?", "test"), ("Do dogs fly?", "train")]
    assert [row["rationale"] for row in silver] == [f" No {n}." for n in range(5)]


@pytest.mark.parametrize("name", ["mario", "mario_own"])
def test_the_five_data_sets_load_as_tasks_of_their_configs(made, maker, tmp_path, monkeypatch, name):
    """Rows in the layout of each data set, as its config and its arms read them, with the examples that they name."""
    monkeypatch.chdir(tmp_path)
    splits = ["dev", "test"] if name == "mario_own" else ["train", "dev", "test"]
    for data_set in ("quarel", "numersense", "strategyqa", "openbookqa", "qasc"):
        plain = data_set == "strategyqa"
        asked, silver = made(
            *(
                mario_row(f"Question {split} {n} of {data_set}?", split, "no" if plain else "B",
                          choices=None if plain else CHOICES, rationale="It is so.")
                for split in (splits if data_set == "qasc" else ["train", "dev", "test"]) for n in range(20)
            )
        )  # fmt: skip
        maker.write(tmp_path / "runs" / "real" / f"{data_set}.jsonl", asked)
        maker.write(tmp_path / "runs" / "real" / f"{data_set}_silver.jsonl", silver)
    file = Path(__file__).parents[1] / "configs" / "real" / f"{name}.yaml"
    for overrides in ([], *arms(file).values()):
        for config in load_stages(file, overrides).values():
            task = tasks.load(config)
            assert all(task.splits.values()) and len(task.splits["test"]) == 20
            found = rows_of(config, task)
            assert found is None or all(row.index >= 0 for row in found.rows[next(iter(found.rows))])
