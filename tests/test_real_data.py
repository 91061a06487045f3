"""The data of configs/real, made from small files of our own."""

import gzip
import importlib.util
import itertools
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
    assert over_all[1:4] == ["all", "0.200 (0.100 to 0.300) → 0.400 (0.400 to 0.400)", "5, 1"]


def test_word_problems_have_the_base_model_its_supervised_start_and_the_end(bench):
    def row(arm, seed, base, before, after):
        own = {"arm": arm, "seed": seed, "base.greedy": base, "sft_minutes": 10.0, "minutes": 20.0}
        for name in ("test", "held_out"):
            own |= {f"{name}.before.right": before, f"{name}.after.right": after}
        for when, share in (("before", 0.25), ("after", 0.5)):
            own |= {f"{when}.{name}": share for name in ("mean_at_k", "maj_at_k", "pass_at_k", "chain")}
        return own

    rows = [row("GRPO", 0, 0.1, "1000", "1110"), row("GRPO", 1, 0.1, "1100", "1110")]
    rows += [row("SFT again", 0, 0.1, "1000", "1100")]
    table = bench("real_table").word_problems_table(rows).rows
    assert [line[:2] for line in table] == [
        ["GRPO", "0"], ["GRPO", "1"], ["GRPO", "all"], ["SFT again", "0"], ["GRPO, beyond SFT again", "all"],
    ]  # fmt: skip
    # over both seeds the questions are right 1, 0.5, 0, 0 times before and 1, 1, 1, 0 times after
    assert table[2][2] == "0.100" and table[2][3].startswith("0.375 [") and " → 0.750 [" in table[2][3]
    assert table[2][4].startswith("+37.5 [") and table[2][7:] == ["0.250 → 0.500"] * 4 + ["10, 20"]
    # with seed 0 alone, of which both arms have a run, GRPO answers one question of four more than SFT again
    assert table[4][4].startswith("+25.0 [+0.0") and table[4][4] == table[4][6]


@pytest.mark.parametrize(
    ("split_up", "prose"),
    [
        ("joan 's cat did n't eat 3 fish . why ?", "Joan's cat didn't eat 3 fish. Why?"),
        ("He paid $ 4 ( 5 % ) , not $4.50 .", "He paid $4 (5%), not $4.50."),
        ("Each pack costs 76 dollars. If it is 3.5 more!", "Each pack costs 76 dollars. If it is 3.5 more!"),
    ],
)
def test_a_question_is_spelled_as_prose(maker, split_up, prose):
    assert maker.as_prose(split_up) == prose


def test_proofs_are_compared_between_the_arms_on_the_same_problems_and_seeds(bench):
    def row(arm, seed, proofs):
        own = {"arm": arm, "seed": seed, "proofs.gained": 2, "proofs.lost": 1, "sampled": 1000, "minutes": 4.0,
               "sft_minutes": 3.0, "right_proofs": proofs}  # fmt: skip
        for when, share in (("base", 0.0), ("before", 0.5), ("after", proofs.count("1") / 4)):
            own |= {f"{when}.n": 4, f"{when}.greedy": share, f"{when}.chain": share}
        return own

    rows = [row("steps", 0, "1111"), row("steps", 1, "1101"), row("outcome", 0, "1000"), row("outcome", 1, "0011")]
    table = bench("real_table").deduction_table(rows)
    assert [line[:2] for line in table.rows] == [
        ["steps", "0"], ["steps", "1"], ["steps", "all"], ["outcome", "0"], ["outcome", "1"], ["outcome", "all"],
        ["steps, beyond outcome", "all"],
    ]  # fmt: skip
    # all proofs and three of four; of those of seed 0 three more than without steps, of seed 1 two more and one fewer
    assert table.rows[2][3].endswith("→ 0.875 (0.750 to 1.000)") and table.rows[2][4:] == ["4, 2", "1,000", "3, 4"]
    assert table.rows[-1][3:5] == ["+0.500 (+0.250 to +0.750)", "5, 1"]
    assert table.rows[0][4] == "2, 1 (p = 1.0000)"


def test_rewards_and_tasks_have_their_own_columns(bench):
    row = {"arm": "a", "seed": 0, "gained": 3, "lost": 0, "minutes": 4.0, "tokens": 900, "sampled": 500,
           "sft_minutes": 2.0, "rewards.diversity.before": 0.5, "rewards.diversity.after": 0.75}  # fmt: skip
    row |= {
        f"{when}.{name}": value for when in ("base", "before", "after") for name, value in (("n", 10), ("greedy", 0.5))
    }
    half = "0.500 [0.237, 0.763]"
    tables = bench("real_table")
    assert tables.choice_table([row]).rows == [
        ["a", "0", f"{half}, {half} → {half}", "3, 0 (p = 0.2500)", "diversity 0.50 → 0.75", "500", "2, 4"]
    ]
    row["guessed"] = bench("real_gym").guessed(
        [{"gold": gold, "split": split} for gold, split in zip("abbbba", ["train"] * 3 + ["test"] * 3, strict=True)],
    )
    assert tables.gym_table([row]).rows == [["a", "0", "0.667", f"{half} → {half}", "3, 0 (p = 0.2500)", "4, 900"]]
    assert tables.gym_table([]).rows == [["not measured yet", *["–"] * 5]]
    row |= {"model.step_auc": 0.75, "model.processbench.f1": 0.5}
    assert tables.prm_table([row]).rows == [["a", "0", f"{half} → {half}", "3, 0 (p = 0.2500)", "0.750", "0.500", "4"]]


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


def test_near_duplicates_share_seven_tenths_of_their_words_whatever_their_numbers_are(bench):
    near_duplicates = bench("near_duplicates").near_duplicates
    asked = ["Ann has 3 red apples now.", "ann has 77 RED apples , now", "Ann has two apples now", "5 + 7"]
    # the third shares four of six words with the first, 0.67
    assert near_duplicates(asked, asked[:1]).tolist() == [[True], [True], [False], [False]]
    assert near_duplicates(asked, asked[:1], alike=0.66).tolist() == [[True], [True], [True], [False]]
    assert near_duplicates(["5 + 7"], ["6 * 8", "six"]).tolist() == [[True, False]]


def test_a_family_holds_near_duplicates_of_near_duplicates(bench):
    """Each shares three of four words with the next, and two of five with the one after it."""
    chain = ["a b c d", "a b c", "z", "b c", "b"]
    assert bench("near_duplicates").families(chain, alike=0.6) == ["a b c", "a b c", "z", "a b c", "b"]


def test_near_duplicates_are_in_one_split_and_none_is_like_a_test_question(bench, maker, tmp_path):
    def row(question, split="train"):
        return json.dumps({"question": question, "answer": "7", "equation": "+ 3 4", "split": split})

    things = [f"thing{letter}{other} and stuff{other}{letter}" for letter in "abcdefgh" for other in "uvwxyz"]
    rows = [row(f"{name} {thing}.") for thing in things for name in ("3", "8 of", "8 of")]
    like_test = [row("Ann has 3 apples."), row("Ann has 5 apples", "test")]
    file = tmp_path / "svamp.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join([*rows, *like_test]).encode()))
    made = list(maker.word_problems(file))
    assert [one["question"] for one in made if "Ann" in one["question"]] == ["Ann has 5 apples"]
    assert len(made) == 1 + 2 * len(things)  # the third of each thing repeats the second
    homes: dict[str, set[str]] = {}
    for one in made[1:]:
        homes.setdefault(one["question"].split("thing")[1], set()).add(one["split"])
    assert all(len(splits) == 1 for splits in homes.values())
    assert {split for splits in homes.values() for split in splits} == {"sft", "train", "validation", "held_out"}
    splits = [[one["question"] for one in made if one["split"] == split] for split in ("held_out", "sft")]
    assert not bench("near_duplicates").near_duplicates(*splits).any()


KINDS = ("wumpus", "zumpus", "impus", "dumpus", "vumpus")


def invented(number, kinds=KINDS, name="Max", each="Each"):
    """A row of ProntoQA's invented part: the last of five kinds is small."""
    rules = [f"{each} {one} is an {other}." for one, other in itertools.pairwise(kinds)]
    rules.append(f"{each} {kinds[-1]} is small.")
    facts = [f"{name} is a {kind}." for kind in kinds] + [f"{name} is small."]
    proof = [step for pair in zip(facts, [*rules, ""], strict=True) for step in pair][:-1]
    theory = [f"Tumpuses are not small. Each yumpus is {number}-legged.", *(rule for rule in rules), facts[0]]
    asked = f"Is the following statement true or false? {name} is not small."
    return {"context": " ".join(theory), "query": asked, "answer": "false", "steps": proof, "split": "logicllm_dev"}


@pytest.fixture
def deductions(maker, tmp_path):
    """Rows of ProntoQA → what `deduction` makes of a file of them."""

    def make(rows):
        file = tmp_path / "prontoqa.jsonl.gz"
        file.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
        return list(maker.deduction(file))

    return make


def test_short_proofs_are_the_ends_of_longer_ones_and_the_verifier_accepts_each_step(deductions):
    kinds = [tuple(KINDS[(place * step) % 5] for place in range(5)) for step in (1, 2, 3, 4)]
    rows = [invented(number, kinds[number % 4]) for number in range(40)]
    made = deductions([*rows, {**rows[0], "split": "train"}])
    assert {row["deductions"] for row in made} == {2, 3} and {row["split"] for row in made} > {"test"}
    for row in made:
        assert row["query"] == "Max is not small."
        verdict = Verifier("logic", premises="given")([{"prediction": row["proof"], "gold": row["answer"], **row}])[0]
        assert verdict.chain_right and len(verdict.steps) == row["deductions"] + 1
        assert "Tumpuses are not small." in row["context"] and "legged" not in row["context"]
    two = next(row for row in made if row["deductions"] == 2)
    three = two["proof"].split(". ")
    assert len(three) == 4 and three[0].strip() in two["context"] and two["context"].count(".") == 4


def test_no_deduction_of_a_test_question_is_trained_on_by_another_name_or_wording(maker, deductions):
    rows = [invented(number) for number in range(40)]
    homes = {maker._home(row["context"]) for row in rows}
    assert homes >= {"test", "sft", "train"}
    assert {row["split"] for row in deductions(rows)} <= {"test", "validation"}
    others = [invented(number, name="Fae", each="Every") for number in range(40, 80)]
    assert {row["split"] for row in deductions([*rows, *others])} <= {"test", "validation"}
    apart = invented(0, kinds=("tumpus", "yumpus", "rompus", "lempus", "gorpus"))
    apart |= {"context": next(f"{apart['context']} Each {n}-pus is red." for n in range(99)
                              if maker._home(f"{apart['context']} Each {n}-pus is red.") == "train")}  # fmt: skip
    assert [row["split"] for row in deductions([*rows, apart]) if row["split"] == "train"] == ["train"] * 2


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


def test_choice_leaves_out_what_is_nearly_a_held_out_question_and_teaches_half_of_the_rest(maker, tmp_path):
    asked = "The heavy truck rolled down the steep hill and was faster than the"
    rows = [mario_row(f"{asked} car number {n}", "train", rationale=f"It is so in {n}.") for n in range(3)]
    rows += [
        mario_row(f"Which thing of kind {n} weighs less on planet {n}?", "train", rationale="It is.") for n in range(30)
    ]
    rows += [mario_row(f"{asked} bicycle", "test"), mario_row("Does plain ice melt in warm rooms?", "train")]
    file = tmp_path / "quarel.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(rows).encode()))
    made = maker.choice(file)
    assert [row["question"] for row in made if row["split"] == "test"] == [f"{asked} bicycle"]
    assert {row["split"] for row in made} == {"test", "sft", "train"} and len(made) == 31
    assert all(row["silver"] == " It is. So the answer is (A)." for row in made if row["split"] != "test")


def test_a_question_with_its_numbers_in_another_order_is_not_trained_on(maker, bench):
    from rl.config import ReasoningGymTask
    from rl.config.embedded import Sizes

    def kinds_of(rows):
        found = {}
        for row in rows:
            found.setdefault(maker.in_any_order(row["question"]), []).append(row["split"])
        return found

    assert maker.in_any_order("Find the GCD: 25, 15, a") == maker.in_any_order("Find the gcd: 15, 25, b.")
    pairs = {"min_numbers": 2, "max_numbers": 2, "max_value": 20}
    sizes = Sizes(train=30, validation=4, test=8)
    task = ReasoningGymTask(name="reasoning_gym", dataset="gcd", options=pairs, sizes=sizes)
    rows = list(maker.gym(task))
    assert all(set(of) == {"train"} or len(of) == 1 for of in kinds_of(rows).values())
    assert sum(row["split"] == "test" for row in rows) > 4
    assert len(list(maker.gym(task, shown=rows[0]["question"]))) < len(rows)
    usual = rows[0]["gold"]
    assert [row for row in rows if row["gold"] != usual] == list(maker.gym(task, left_out=[usual]))
    verdicts = Verifier("reasoning_gym")([{"prediction": row["gold"], **row} for row in rows[:3]])
    assert all(verdict.right for verdict in verdicts)


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


def answer(number, before, after):
    """A problem's records before and after, right or wrong."""
    pair = (("before", before), ("after", after))
    return [
        {"prompt": f"1 + 1 = 2\n{number} =", "gold": "7", "completion": f" {when}", "score": float(score)}
        for when, score in pair
    ]


def test_samples_are_the_first_of_each_kind_and_what_is_missing_is_made_up(bench):
    samples = bench("real_samples")
    kinds = [(0, 0), (1, 1), (0, 1), (0, 1), (0, 0), (1, 0), (0, 1), (0, 1), (0, 0), (1, 1), (1, 1), (0, 0), (0, 0)]
    before, after = zip(*(answer(number, *kind) for number, kind in enumerate(kinds)), strict=True)
    taken = samples.chosen(before, after)
    # two of the three that were lost are missing, so four that were wrong both times are shown
    assert [(one.kind, int(one.before["prompt"].split()[-2])) for one in taken] == [
        ("gained", 2), ("gained", 3), ("gained", 6), ("lost", 5), ("right both times", 1), ("right both times", 9),
        ("wrong both times", 0), ("wrong both times", 4), ("wrong both times", 8), ("wrong both times", 11),
    ]  # fmt: skip
    assert len(samples.chosen(before[:2], after[:2])) == 2
    text = samples.written(taken[:1], [one["prompt"] for one in before])
    assert text == "Gained, the answer is 7:\n\n```text\n2 =\nbefore: before  [wrong]\nafter: after  [right]\n```\n"
    page = "a\n<!-- samples sums -->\nold\n<!-- end of samples -->\nb\n"
    assert samples.placed(page, "sums", "new") == page.replace("old", "\nnew")
    with pytest.raises(ValueError, match="no <!-- samples gym -->"):
        samples.placed(page, "gym", "new")
