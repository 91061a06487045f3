"""The bench: the tables in the docs are those of the rows on record, and every script is still there to be run."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SCRIPTS

ROOT = Path(__file__).parents[1]
BENCH = ROOT / "bench"
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]


def test_the_tables_agree_with_the_rows(bench):
    tables = bench("tables")
    for file in PAGES:
        text = file.read_text(encoding="utf-8")
        assert tables.filled(text) == text, f"{file.name} has old tables; run make tables"


def test_every_table_stands_once_and_no_measured_one_without_rows(bench):
    tables, everything = bench("tables"), "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for name in tables.TABLES:
        assert everything.count(f"<!-- table {name} -->") == 1, name
    for page, heading in (("README.md", "## Results"), ("docs/results.md", "# Results")):
        text = (ROOT / page).read_text(encoding="utf-8")
        measured = text[text.index(heading) :]
        assert "\n|" not in tables._PLACE.sub("", measured), f"{page}: measured figures outside the markers"


def test_a_figure_that_was_changed_by_hand_is_found(bench):
    tables, text = bench("tables"), (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    row = tables.TABLES["quickstart"]().markdown().splitlines()[2]
    changed = text.replace(row, row.replace("0.", "0.9", 1))
    assert changed != text and tables.filled(changed) == text


def test_the_pictures_are_those_of_the_rows(bench):
    curve = bench("curve")
    assert [row["step"] for row in curve.read(curve.ROWS)] == list(range(0, 481, 80))
    names = set(curve.pictures())
    assert {file.stem for file in curve.IMAGES.glob("*.svg")} == names
    for name in names:
        assert (curve.IMAGES / f"{name}.svg").read_text(encoding="utf-8") == curve.drawn(name), (
            "run python bench/curve.py"
        )


def test_every_page_of_an_algorithm_shows_a_curve():
    pages = [page for page in (ROOT / "docs" / "algorithms").glob("*.md") if page.stem != "index"]
    assert len(pages) == 6
    for page in pages:
        assert re.search(r"^!\[.+\]\(\.\./images/\w+\.svg\)$", page.read_text(encoding="utf-8"), re.MULTILINE), page


def test_a_curve_of_seeds_has_their_mean_lowest_and_highest(bench):
    row = {
        "curve.samples": [0, 8],
        "curve.greedy": [0.0, 0.5],
        "curve.chain": [0.0, 0.25],
        "curve.mean_at_k": [0.0, 0.0],
    }
    curve = bench("curve").of_seeds([row, {**row, "curve.greedy": [0.5, 1.0]}])
    assert (curve.places, curve.bands["right, greedy decoding"]) == ([0, 8], ([0.0, 0.5], [0.25, 0.75], [0.5, 1.0]))


def test_an_arm_of_real_models_has_the_mean_of_its_seeds_and_may_end_before_another(bench):
    rows = [
        {"arm": "short", "curve.step": [1, 3], "curve.right": [0.0, 0.5]},
        {"arm": "short", "curve.step": [1, 3], "curve.right": [0.5, 0.75]},
        {"arm": "long", "curve.step": [1, 3, 5], "curve.right": [0.0, 0.25, 1.0]},
    ]
    curve = bench("curve").of_arms(rows)
    assert curve.places == [1, 3, 5]
    assert curve.bands == {
        "short": ([0.0, 0.5], [0.25, 0.625], [0.5, 0.75]),
        "long": ([0.0, 0.25, 1.0],) * 3,
    }


def test_a_table_that_is_not_known_is_an_error(bench):
    with pytest.raises(KeyError, match="no_such_table"):
        bench("tables").filled("<!-- table no_such_table -->\n<!-- end of table -->\n")


@pytest.mark.parametrize("file", sorted(BENCH.glob("*.json")), ids=lambda file: file.stem)
def test_figures_are_a_flat_list_of_rows_one_line_each(file):
    text = file.read_text(encoding="utf-8")
    rows = json.loads(text)
    assert all(not isinstance(value, dict) for row in rows for value in row.values())
    assert [json.loads(line.rstrip(",")) for line in text.splitlines()[1:-1]] == rows
    numbers = [value for row in rows for value in row.values() if isinstance(value, float)]
    assert all(map(math.isfinite, numbers))


def test_nested_figures_are_named_by_their_path_and_an_interval_by_its_value(bench):
    figures = {
        "seed": 0,
        "after": {
            "k": 8,
            "greedy": {"value": 0.5, "low": 0.4, "high": 0.6},
            "chain": None,
            "pass_at": {"1": {"value": 0.1}, "4": {"value": 0.2}, "8": {"value": 0.3}},
        },
    }
    # pass@1 is mean@k and pass@8 pass@k, which have names of their own
    assert bench("harness").flat(figures) == {
        "seed": 0,
        "after.k": 8,
        "after.greedy": 0.5,
        "after.greedy.low": 0.4,
        "after.greedy.high": 0.6,
        "after.pass_at.4": 0.2,
    }


def test_a_run_that_is_made_again_takes_the_place_of_its_row(bench, tmp_path):
    harness, file = bench("harness"), tmp_path / "figures" / "rows.json"
    harness.record(file, [{"task": "a", "seed": 0, "x": 1}, {"task": "a", "seed": 1, "x": 2}], key=["task", "seed"])
    harness.record(file, [{"task": "a", "seed": 0, "x": 3}, {"task": "b", "seed": 0, "x": 4}], key=["task", "seed"])
    rows = [("a", 0, 3), ("a", 1, 2), ("b", 0, 4)]
    assert harness.read(file) == [{"task": task, "seed": seed, "x": x} for task, seed, x in rows]
    assert len(file.read_text().splitlines()) == 3 + 2
    assert harness.record(None, [{"x": 1}], key=["x"]) == [{"x": 1}]  # nothing is written without a file


def test_trls_rate_is_the_one_with_the_best_sampled_accuracy_at_the_end(bench):
    def row(method, seed, *curve):
        return {"method": method, "seed": seed, "curve.mean_at_k": list(curve)}

    rows = [row("trl_grpo_1e-4", 0, 0.9, 0.5), row("trl_grpo_1e-4", 1, 0.9, 0.7), row("trl_grpo_3e-4", 0, 0.1, 0.65)]
    assert bench("tables_results").best_rate([*rows, row("ppo", 0, 1.0)]) == "trl_grpo_3e-4"  # 0.65 against 0.6


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_imports_what_is_there(bench, name):
    assert bench(name).__doc__


def test_every_part_that_is_mutated_and_its_tests_are_there(bench):
    for part in bench("mutate").PARTS.values():
        assert all(any(ROOT.glob(pattern)) for pattern in part.files), part.files
        assert all((ROOT / tests).exists() for tests in part.tests), part.tests


def test_a_command_that_fails_says_what_it_said(bench):
    with pytest.raises(SystemExit, match=r"no_such\.yaml"):
        bench("harness").whetstone("check", "no_such.yaml")


TINY = [
    *("task.sizes.train=400", "task.sizes.validation=20", "task.sizes.test=20"),
    *("evaluation.n=16", "evaluation.validation_n=8", "evaluation.k=2"),
]
RUNS = {
    "quickstart": ["--seeds", "0"],
    "learning": ["--seeds", "0", "--samples", "256", "--only", "sft", "ppo_process", "--jobs", "1"],
    "floor": ["--draws", "1", "--configs", "ppo"],
    "speed": ["--turns", "1", "--tiny"],
    "speedrun": ["--seeds", "0", "--only", "ours_ppo", "trl_1e-4", "--limit", "128"],
    "gpu": ["--tiny", "--trainers", "trl_grpo", "ours_ppo_lora"],
    "stages": ["--seeds", "0"],
    "papers": ["--seeds", "0", "--only", "on_policy_distillation", "--arms", "on policy"],
    "rewards_table": ["--n", "5"],
    "reward_alone": ["--check"],
    "faults": ["--only", "a folder that cannot be written"],
    "overhead": ["--configs", "grpo"],
}
OVERRIDES = {
    **dict.fromkeys(("quickstart", "learning", "floor", "speed", "speedrun", "stages"), TINY),
    "quickstart": [*TINY, "trainer.max_steps=4", "policy.warm_start.steps=60"],
    "stages": [*TINY, "trainer.max_steps=8"],
    "papers": [*TINY, "trainer.max_steps=4", "policy.warm_start.steps=60"],
    "overhead": [*TINY, "trainer.max_steps=4", "policy.warm_start.steps=60"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_script_runs_with_tiny_settings(name, tmp_path):
    out = tmp_path / "rows.json"
    given = [*RUNS[name], "--out", out, *OVERRIDES.get(name, [])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, BENCH / f"{name}.py", *given], check=True, cwd=ROOT, env=environment)
    assert name == "reward_alone" or json.loads(out.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("prefix", "usual"),
    [
        ("+ 2 3", "2 + 3"),
        ("* + 3.0 4 2", "(3 + 4) * 2"),
        ("- 9 + 1 0.5", "9 - (1 + 0.5)"),
        ("/ * 2 3 - 5 4", "(2 * 3) / (5 - 4)"),
    ],
)
def test_an_equation_in_prefix_notation_is_written_in_the_usual_one(bench, prefix, usual):
    assert bench("svamp").infix(prefix) == usual


@pytest.mark.parametrize("broken", ["+ 2", "+ 2 3 4", "2 +", ""])
def test_what_is_no_equation_is_refused(bench, broken):
    with pytest.raises(ValueError, match=r"ends too early|goes on after its end"):
        bench("svamp").infix(broken)


def test_a_recipe_that_is_answered_from_statements_has_what_they_change(bench):
    def row(arm, seed, one, without, margin):
        figures = {"with_statement": one, "without_statement": without, "rectified": one - without}
        figures |= {"margin_without": margin, "with_best_statement": one}
        after = {f"after.{name}": value for name, value in figures.items()}
        before = {f"before.{name}": value for name, value in figures.items() if name != "with_best_statement"}
        return {"arm": arm, "seed": seed, "n": 100, **before, **after}

    rows = [row("one", 0, 0.5, 0.25, -1.0), row("one", 1, 0.75, 0.25, 0.5)]
    table = bench("tables_papers").papers(rows)
    ((arm, right, seeds, *rest),) = table.rows
    # 125 of 200 problems: Wilson's interval by hand is 0.556 to 0.689
    assert (arm, right, seeds) == ("one", "0.625 [0.556, 0.689]", "0.500, 0.750")
    assert rest == ["0.625 → 0.625", "0.250 → 0.250", "+0.375 → +0.375", "-0.25 → -0.25", "0.625"]
    assert len(table.header) == len(table.rows[0])


def test_stages_that_arms_share_are_kept_up_to_the_first_that_differs(bench, tmp_path):
    papers = bench("papers")
    recipe = papers.PAPERS["mentor_kd"]

    def stages(*overrides):
        return papers.load_stages(recipe, [f"logging.folder={tmp_path}", *overrides])

    def finish(configs):
        for config in configs.values():
            folder = papers.RunFolder(config.run_folder)
            folder.path.mkdir(parents=True, exist_ok=True)
            folder.config.write_text(papers.dump(config))
            folder.summary.write_text("{}")
        return [papers.RunFolder(config.run_folder) for config in configs.values()]

    def left_by(*overrides):
        mentor, student = finish(stages())
        papers._leave_what_is_shared(stages(*overrides).values())
        return mentor.path.exists(), student.path.exists()

    assert left_by() == (True, True)
    assert left_by("stages.student.trainer.max_steps=7") == (True, False)
    assert left_by("stages.mentor.trainer.max_steps=7") == (False, False)
    mentor, student = finish(stages())
    mentor.summary.unlink()  # an unfinished stage goes on no further, and what came of it is gone, too
    papers._leave_what_is_shared(stages().values())
    assert not mentor.path.exists() and not student.path.exists()


def test_a_table_may_say_how_many_tokens_an_arm_sampled(bench):
    row = {"arm": "a", "seed": 0, "n": 100, "before.greedy": 0.1, "after.greedy": 0.5, "sampled": 1000}
    table = bench("tables_papers").papers([row, {**row, "seed": 1, "sampled": 2001}], "teacher's tokens")
    assert (table.header[-1], table.rows[0][-1]) == ("teacher's tokens", "1,500")
    assert len(bench("tables_papers").papers([], "teacher's tokens").rows[0]) == len(table.header)
