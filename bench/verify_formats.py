"""Measures how the verifiers read answers in the formats that people and models write.

    python bench/verify_formats.py DATA_FOLDER [--show] [--every N] [--json OUT.json]

DATA_FOLDER holds gzipped JSON lines: `answer_formats` (verifier, prediction, gold, settings, expected: a score, `<1` or
`abstain`), `gsm8k` (answer), `gsm8k_model_solutions` (solution, answer, is_correct) and `teacher_cot` (completion,
answer, initial_correct). Printed are

- the share of formats judged as expected, by verifier;
- for each phrasing of an answer, the share of GSM8K's golds that `numeric` and `math` accept, and how many near wrong
  answers they accept, too (`--every 10` takes every tenth gold);
- how often the verdicts agree with the labels of real solutions, by task.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from verifiers.runtime.judge import Judge
from verifiers.runtime.phrasings import PHRASINGS
from verifiers.verdict import Verdict

Row = dict[str, Any]

NUMBERS: dict[str, str] = {
    "last number": "She had 3 bags, so she has {answer} apples in total.",
    "dollars": "The answer is ${answer}.",
    "equation": "The answer is 20 - 5 + {answer} - 15 = {answer} apples.",
    "inverted": "So {answer} is the answer.",
    "units": "Answer: {answer} dollars per week",
    "empty box": "I put it into \\boxed{}.\n\nThe answer is {answer}",
    "reason": "The answer is about {answer} miles, because 3 + 4 = 7",
    "named": "$x = {answer}$",
}
"""Ways to state a number, beside the usual ones."""
LABEL = re.compile(r"\(([A-Z])\) (.*?)(?=,? \([A-Z]\)|\.?\s*$)", re.DOTALL)
TASKS = {"svamp": "numeric", "gsm8k": "numeric", "strategy_qa": "boolean", "last_letter_concatenation": "exact"}
"""Task of `teacher_cot` → its verifier; the others are multiple choice."""


def rows(data: Path, name: str) -> list[Row]:
    """The rows of one data set."""
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def as_expected(verdict: Verdict, expected: object) -> bool:
    """Whether a verdict is what a row expects: a score, `<1`, or `abstain`."""
    if expected == "abstain":
        return verdict.status == "abstained"
    if verdict.score is None:
        return False
    return verdict.score < 1 if expected == "<1" else verdict.score == expected


def formats(data: Path, show: bool) -> Row:
    """The share of answer formats that are judged as expected, by verifier."""
    total: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for row in rows(data, "answer_formats"):
        settings = row["settings"]
        (verdict,) = Judge(row["verifier"])([{**settings, "prediction": row["prediction"], "gold": row["gold"]}])
        good = as_expected(verdict, row["expected"])
        for key in (row["verifier"], "all"):
            total[key] += 1
            right[key] += good
        if show and not good:
            print(f"  {row['id']} {row['verifier']}: expected {row['expected']} for {row['prediction'][-200:]!r}")
            print(f"    gold {row['gold'][:80]!r}, settings {str(settings)[:100]}: {verdict}")
    return {key: {"rows": total[key], "as_expected": right[key]} for key in sorted(total)}


def near(gold: str) -> Iterator[str]:
    """Wrong answers near a gold number."""
    value = Fraction(gold.replace(",", ""))
    for wrong in (value + 1, value * 10, -value - 1, value / 8):
        if wrong != value:
            yield str(wrong) if wrong.denominator == 1 else str(float(wrong))


def stated(form: str, answer: str) -> str:
    """An answer in a phrasing that also mentions 7, which does not count."""
    return form.replace("{answer}", answer).replace("{wrong}", "7")


def phrasings(data: Path, every: int) -> Row:
    """For each phrasing: the share of golds accepted, and the number of near wrong answers accepted."""
    golds = [row["answer"] for row in rows(data, "gsm8k")][::every]
    found: Row = {}
    for verifier in ("numeric", "math"):
        judge = Judge(verifier)
        for name, form in {**PHRASINGS, **NUMBERS}.items():
            right = judge([{"prediction": stated(form, gold), "gold": gold} for gold in golds])
            pairs = [{"prediction": stated(form, wrong), "gold": gold} for gold in golds for wrong in near(gold)]
            found.setdefault(name, {})[verifier] = {
                "accepted": sum(verdict.score == 1.0 for verdict in right) / len(golds),
                "false": sum(verdict.score == 1.0 for verdict in judge(pairs)),
            }
    return found


def solutions(data: Path) -> Row:
    """Agreement with the labels of real solutions, by task."""
    total: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    abstained: Counter[str] = Counter()
    labelled = [
        ("gsm8k_model_solutions", "numeric", row["solution"], row["is_correct"], row)
        for row in rows(data, "gsm8k_model_solutions")
    ]
    for row in rows(data, "teacher_cot"):
        if "rationale" in row:
            task = row["split"].partition(":")[0]
            labelled.append((task, TASKS.get(task, "choice"), row["rationale"], row["initial_correct"], row))
    for task, verifier, text, correct, row in labelled:
        found = {"prediction": text, "gold": row["answer"]}
        if verifier == "choice":
            found["choices"] = [
                {"label": a, "text": b} for a, b in LABEL.findall(row["question"].split("choices:")[-1])
            ]
        (verdict,) = Judge(verifier)([found])
        total[task] += 1
        agreed[task] += (verdict.score == 1.0) == correct
        abstained[task] += verdict.status != "judged"
    return {t: {"rows": total[t], "agreed": agreed[t], "not_judged": abstained[t]} for t in total}


def main() -> None:
    """Measure and print; write the figures as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--show", action="store_true", help="print every format that is not judged as expected")
    parser.add_argument("--every", type=int, default=1, help="take every Nth gold of GSM8K")
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args()
    figures = {"formats": formats(given.data, given.show)}
    print(json.dumps(figures, indent=1))
    if given.every:
        figures["phrasings"] = phrasings(given.data, given.every)
        figures["solutions"] = solutions(given.data)
        print(json.dumps(figures, indent=1))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
