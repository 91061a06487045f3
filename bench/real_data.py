"""Makes the data of the configs in `configs/real/`.

    python bench/real_data.py sums --out FOLDER
    python bench/real_data.py gym --out FOLDER
    python bench/real_data.py word_problems SVAMP.jsonl.gz --out FOLDER
    python bench/real_data.py deduction PRONTOQA.jsonl.gz --out FOLDER
    python bench/real_data.py choice QUAREL.jsonl.gz --out FOLDER
    python bench/real_data.py rationales QUAREL.jsonl.gz --out FOLDER

SVAMP has question, answer, equation (prefix notation or brackets) and split; ProntoQA has question, context, query,
answer, steps (the proof) and split. Rationales are made of any of MaRio's data sets (StrategyQA, QuaRel,
OpenBookQA, NumerSense, QASC), whose rows have question, answer, choices (StrategyQA has none), split and sometimes
rationale; `choice` needs rationales, as QuaRel has them.

FOLDER gets NAME.jsonl; for sums also sums_larger.jsonl, whose operands are larger than any of training; for gym a file
for each task. For rationales NAME is that of the file, and NAME_silver.jsonl has the rationales of training.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from harness import Row, json_lines
from near_duplicates import families, near_duplicates
from svamp import infix

from rl.config import ReasoningGymTask
from rl.tasks import reasoning_gym
from rl.tasks.task import Split, split_of
from verifiers.deduction.english import Rule, statements

ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SHOWN = {(3, 14), (9, 12), (6, 10, 15), (2, 4, 13)}
"""Operands of the sums in the prompt of `configs/real/sums.yaml`."""
INVENTED = "logicllm_dev"
"""The part of ProntoQA whose theories are about invented kinds. In the others, which are about animals and numbers, all
short proofs of the test part are in the train part as well, but for their names."""
RATIONALES = 5
"""Largest number of rationales of a question, as in MaRio (Ramnath et al. 2024, arXiv:2311.02805)."""
YES_OR_NO = [{"label": "A", "text": "yes"}, {"label": "B", "text": "no"}]
SPLITS: dict[str, Split] = {"test": "test", "dev": "validation", "train": "train"}
"""Split in the data → its name here, in the order in which a repeated question finds its place."""


def in_words(number: int) -> str:
    """A number below a thousand in words: 121 is `one hundred twenty-one`."""
    if number >= 100:
        rest = number % 100
        return f"{ONES[number // 100]} hundred" + (f" {in_words(rest)}" if rest else "")
    if number < 20:
        return ONES[number]
    return TENS[number // 10] + (f"-{ONES[number % 10]}" if number % 10 else "")


def sums(ranges: Mapping[int, tuple[int, int]], sizes: Mapping[str, int], seed: int = 0) -> Iterator[Row]:
    """Sums of two and three numbers, in digits and in words, two thirds of them of two numbers.

    Operands are in one split whatever their order. Validation and test have each of them once, in one order and one
    form, so that their questions are independent; train has them in several. The sums of the prompt are in no split.

    Args:
        ranges: number of operands → the smallest and the largest of them.
        sizes: split → number of rows.
        seed: of the draws.
    """
    rng, left, seen = random.Random(seed), dict(sizes), set()
    while any(left.values()):
        terms = rng.choice((2, 2, 3))
        operands = [rng.randint(*ranges[terms]) for _ in range(terms)]
        same = tuple(sorted(operands))
        split = split_of(" ".join(map(str, same)), test=0.2)
        words = rng.random() < 0.5
        question = " plus ".join(map(in_words, operands)) if words else " + ".join(map(str, operands))
        one = question if split == "train" else same
        if one in seen or same in SHOWN or not left.get(split):
            continue
        seen.add(one)
        left[split] -= 1
        form = "words" if words else "digits"
        yield {"question": question, "answer": str(sum(operands)), "terms": terms, "form": form, "split": split}


def write_sums(folder: Path) -> None:
    """Write `sums.jsonl`, and `sums_larger.jsonl` with operands larger than any of training."""
    sizes = {"train": 3000, "validation": 100, "test": 300}
    write(folder / "sums.jsonl", sums({2: (2, 49), 3: (2, 19)}, sizes))
    write(folder / "sums_larger.jsonl", sums({2: (50, 99), 3: (20, 49)}, {"test": 300}, seed=1))


def usual(equation: str) -> str:
    """An equation in the usual notation: `( ( 3.0 + 4.0 ) * 2.0 )` and `* + 3 4 2` are `(3 + 4) * 2`.

    Args:
        equation: in prefix notation or in brackets, all of it in one pair.

    Raises:
        ValueError: it is neither.
    """
    text = equation if re.match(r"\s*[(\d]", equation) else infix(equation)
    text = re.sub(r"(\d)\.0\b", r"\1", text)
    text = re.sub(r"\(\s+", "(", re.sub(r"\s+\)", ")", text.strip()))
    return text[1:-1] if equation.lstrip().startswith("(") else text


def worked(equation: str) -> str:
    """An equation as one line for each operation, with its result: `(3 + 4) * 2` is `3 + 4 = 7`, `7 * 2 = 14`.

    A number alone is its own line. Numbers have at most twelve digits.

    Args:
        equation: in prefix notation or in brackets.

    Raises:
        ValueError: it is neither, or divides by zero.
    """
    text = usual(equation)
    lines: list[str] = []
    operation = re.compile(r"\(?\s*(-?[\d.]+)\s*([-+*/])\s*(-?[\d.]+)\s*\)?")
    while match := operation.search(text if "(" not in text else text[text.rindex("(") :]):
        start = text.rindex("(") if "(" in text else 0
        left, sign, right = float(match[1]), match[2], float(match[3])
        if sign == "/" and not right:
            raise ValueError(f"{equation!r} divides by zero")
        value = {"+": left + right, "-": left - right, "*": left * right, "/": left / right if right else 0.0}[sign]
        lines.append(f"{left:.12g} {sign} {right:.12g} = {value:.12g}")
        text = text[: start + match.start()] + f"{value:.12g}" + text[start + match.end() :]
    return "\n".join(lines or [text.strip("() ")])


def as_prose(text: str) -> str:
    """A text that was split at its punctuation, in the usual spelling: `he did n't . why` is `he didn't. Why`."""
    text = re.sub(r"\s+([.,?!;:%)]|n't\b|'(?:s|re|ll|ve|d|m)\b)", r"\1", text.strip())
    text = re.sub(r"([$(])\s+", r"\1", text)
    return re.sub(r"(^|[.?!]\s+)([a-z])", lambda start: start[1] + start[2].upper(), text)


def word_problems(data: Path) -> Iterator[Row]:
    """SVAMP's questions with worked equations: its test part, and its train part in four.

    The train part (questions of MAWPS and ASDiv) is divided into `sft`, `train`, `validation` and `held_out`, so that a
    policy is tested on questions like those of training as well. A training question that repeats another or is a
    near-duplicate of a test question is left out, and near-duplicates are in one split. All are spelled alike, since
    the questions of MAWPS are in lower case and have spaces before punctuation.

    Args:
        data: gzipped JSON lines with question, answer, equation and split.
    """
    found = list({row["question"]: row for row in json_lines(data)}.values())
    test = [row for row in found if row["split"] == "test"]
    rest = [row for row in found if row["split"] != "test"]
    like_test = near_duplicates([row["question"] for row in rest], [row["question"] for row in test]).any(axis=1)
    rest = [row for row, near in zip(rest, like_test, strict=True) if not near]
    placed = [(row, "test") for row in test]
    for row, family in zip(rest, families([row["question"] for row in rest]), strict=True):
        split = split_of(family, validation=0.06, test=0.12)
        placed.append((row, {"train": _taught(family), "test": "held_out"}.get(split, split)))
    for row, split in placed:
        question = as_prose(row["question"])
        steps = {"worked": worked(row["equation"]), "equation": usual(row["equation"])}
        yield {"question": question, "answer": row["answer"], **steps, "split": split}


def deduction(data: Path) -> Iterator[Row]:
    """Short proofs in the invented worlds of ProntoQA, whose words say nothing of what follows from what.

    Of each theory the last two and the last three deductions of its proof are kept, with the rules on the kinds in them
    and those on the property that is asked for; the proof states what it begins with and each conclusion, but not the
    rules. A theory is in one split. Test and validation have one question of each theory, so that their questions are
    independent, and a question whose deductions are those of a held-out question is left out of the others.
    """
    found = [row for row in json_lines(data) if row["split"] == INVENTED]
    order: list[Split | Literal["sft"]] = ["test", "validation", "sft", "train"]
    homes = {row["context"]: _home(row["context"]) for row in found}
    held_out: set[frozenset[Rule]] = set()
    for row in sorted(found, key=lambda row: order.index(homes[row["context"]])):
        split = homes[row["context"]]
        one = 2 + split_of(row["context"] + "?", validation=0.5, test=0.0).startswith("v")
        for deductions in (one,) if split in ("test", "validation") else (2, 3):
            made, rules = _shortened(row, deductions)
            if split in ("test", "validation"):
                held_out.add(rules)
            elif rules in held_out:
                continue
            yield {**made, "split": split}


def _home(theory: str) -> Split | Literal["sft"]:
    """The split of a theory: a third is tested on, and of the others half is taught and half is for reinforcement."""
    split = split_of(theory, validation=0.05, test=0.35)
    return _taught(theory) if split == "train" else split


def _shortened(row: Row, deductions: int) -> tuple[Row, frozenset[Rule]]:
    """A question with the last deductions of its proof alone, and the rules that they take.

    Args:
        row: of the data.
        deductions: how many.
    """
    proof = row["steps"][-2 * deductions - 1 :]
    taken = frozenset(rule for step in proof[1::2] for rule in statements(step))
    kinds = {premise.predicate for rule in taken for premise in rule.premises}
    asked = statements(proof[-1])[0].conclusion.predicate
    *theory, _ = (sentence.strip(" .") + "." for sentence in row["context"].rstrip(". ").split(". "))
    near = [sentence for sentence in theory if _about(sentence, kinds, asked)]
    query = row["query"].rpartition("? ")[2].rpartition(": ")[2]
    said = " ".join(proof[::2])
    made = {
        "context": " ".join([*near, proof[0]]),
        "query": query,
        "answer": row["answer"],
        "proof": f" {said} So the answer is {row['answer']}.",
        "deductions": deductions,
    }
    return made, taken


def _about(sentence: str, kinds: set[str], asked: str) -> bool:
    """Whether a rule is on one of some kinds, or on a property."""
    (rule,) = statements(sentence)
    return rule.conclusion.predicate == asked or any(premise.predicate in kinds for premise in rule.premises)


def in_any_order(question: str) -> str:
    """The words and numbers of a question in their alphabetical order, with one name for all single letters.

    Two questions have the same if they ask for the same with operands in another order or with another variable.
    """
    words = re.findall(r"\w+", question.lower())
    return " ".join(sorted("x" if re.fullmatch("[a-z]", word) else word for word in words))


def gym(task: ReasoningGymTask, shown: str = "", left_out: Collection[str] = (), seed: int = 0) -> Iterator[Row]:
    """Questions of a task of reasoning-gym, with what its scorer needs.

    A question that has the same words and numbers as one that is held out, in whatever order, is left out of training,
    and the questions of the prompt are in no split.

    Args:
        task: with the numbers of questions, of which the splits may get fewer.
        shown: the prompt's worked examples.
        left_out: answers whose questions are in no split.
        seed: of the questions.
    """
    made, held_out = reasoning_gym.build(task, seed), set[str]()
    for split in ("test", "validation", "train"):
        for row in made.splits[split]:
            same = in_any_order(row["question"])
            if same in held_out or row["question"] in shown or row["gold"] in left_out:
                continue
            if split != "train":
                held_out.add(same)
            yield {name: value for name, value in row.items() if name != "prompt"} | {"split": split}


def choice(data: Path) -> list[Row]:
    """Questions as `rationales` makes them, each with one silver rationale if it is trained on.

    Half of the training questions are taught (`sft`) and half are for reinforcement. Those without a rationale are left
    out, and those that are nearly the same as a held-out one.
    """
    asked, silver = rationales(data)
    told = {row["prompt"]: row for row in reversed(silver)}
    held_out = [{**row, "rationale": "", "silver": ""} for row in asked if row["split"] != "train"]
    trained = [*reversed(told.values())]
    near_NM = near_duplicates(*([row["question"] for row in of] for of in (trained, held_out)))
    kept = [row for row, near in zip(trained, near_NM.any(axis=1), strict=True) if not near]
    return [*held_out, *({**row, "split": _taught(row["question"])} for row in kept)]


def _taught(text: str) -> Literal["sft", "train"]:
    """Which half of the training rows one belongs to, by a hash of its text."""
    return "sft" if split_of(f"sft {text}", validation=0.5, test=0.0) == "validation" else "train"


def rationales(data: Path) -> tuple[list[Row], list[Row]]:
    """The questions of one of MaRio's data sets, and silver rationales of those of its train split.

    The prompt is the question with its choices, as in the paper, `… (A) table (B) floor`; a question without choices is
    answered by yes or no. A silver completion is the rationale and the answer. All answer models judge a question by
    its `fold`, however it is laid out. A question that the data has in several splits is in the one that is held out.

    Args:
        data: a file whose splits are train, dev and test; rows of others are left out.

    Returns:
        Rows with question, prompt, choices, gold, fold and split; and those of the train split that have a rationale,
        each with it and with the whole completion as `silver`, up to `RATIONALES` a question.
    """
    asked: dict[str, Row] = {}
    silver: dict[str, list[Row]] = {}
    order = [*SPLITS]
    known = [row for row in json_lines(data) if row["split"] in SPLITS]
    for row in sorted(known, key=lambda row: order.index(row["split"])):
        prompt, choices = row["question"], row.get("choices")
        if choices is not None:
            shown = (f"({choice['label']}) {choice['text']}" for choice in choices)
            prompt = f"{prompt}\n{' '.join(shown)}"
        made = {"question": row["question"], "prompt": prompt, "choices": choices or YES_OR_NO, "gold": row["answer"]}
        fold = int(split_of(row["question"], validation=0.5, test=0.0) == "validation")
        made |= {"fold": fold, "split": SPLITS[row["split"]]}
        kept = asked.setdefault(prompt, made)
        told, answer = row.get("rationale"), row["answer"] if choices is None else f"({row['answer']})"
        if told and kept["split"] == "train":
            completion = f" {told} So the answer is {answer}."
            silver.setdefault(prompt, []).append({**made, "rationale": f" {told}", "silver": completion})
    return list(asked.values()), [one for of in silver.values() for one in of[:RATIONALES]]


def write(file: Path, rows: Iterable[Row]) -> None:
    """Write rows as JSON lines, and say how many of each split there are."""
    found = list(rows)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    splits = sorted({row["split"] for row in found})
    print(file, ", ".join(f"{split} {sum(row['split'] == split for row in found):,}" for split in splits))


def main() -> None:
    """Make one of the data sets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=["sums", "gym", "word_problems", "deduction", "choice", "rationales"])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if given.name == "sums":
        write_sums(given.out)
        return
    if given.name == "gym":
        from real_gym import write_gym

        write_gym(given.out)
        return
    if given.data is None:
        parser.error(f"{given.name} is made from a file: name it after {given.name}")
    if given.name == "rationales":
        name = given.data.name.partition(".")[0]
        asked, silver = rationales(given.data)
        write(given.out / f"{name}.jsonl", asked)
        if silver:
            write(given.out / f"{name}_silver.jsonl", silver)
        return
    makes = {"word_problems": word_problems, "deduction": deduction, "choice": choice}
    write(given.out / f"{given.name}.jsonl", makes[given.name](given.data))


if __name__ == "__main__":
    main()
