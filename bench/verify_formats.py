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
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from verifiers.runtime.judge import Judge
from verifiers.verdict import Verdict

Row = dict[str, Any]

PHRASINGS = {
    "bare": "{0}",
    "sentence": "The answer is {0}.",
    "bold label": "**Answer:** {0}",
    "bold number": "The answer is **{0}**.",
    "hashes": "5 + 5 = 10\n#### {0}",
    "box": r"\boxed{{{0}}}",
    "box in a sentence": r"It is $\boxed{{{0}}}$.",
    "tag": "First 3.\n<answer>{0}</answer>",
    "thinking": "<think>It could be 7.</think>\nThe answer is {0}",
    "thinking that the prompt opened": "Maybe 7? Yes, 7.</think>\n\n{0}",
    "last number": "She had 3 bags, so she has {0} apples in total.",
    "dollars": "The answer is ${0}.",
    "label": "Final Answer: {0}",
    "heading": "### Final Answer\n\n{0}",
    "next question": "The answer is {0}.\n\nQuestion: Tom has 3 pens. How many?\nAnswer: 4",
    "equation": "The answer is 20 - 5 + {0} - 15 = {0} apples.",
    "final box": r"Final Answer: The final answer is $\boxed{{{0}}}$. I hope it is correct.",
    "inverted": "So {0} is the answer.",
    "chat marker": "The answer is {0}<|im_end|>\n<|im_start|>user\n5?",
    "units": "Answer: {0} dollars per week",
    "bold line": "She buys 3 bags.\n\n**{0}**",
    "empty box": "I put it into \\boxed{{}}.\n\nThe answer is {0}",
    "reason": "The answer is about {0} miles, because 3 + 4 = 7",
    "named": "$x = {0}$",
}
"""Name → an answer as people and models write it."""


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
        settings = {name: value for name, value in row["settings"].items()}
        judge = Judge(row["verifier"])
        (verdict,) = judge([{**settings, "prediction": row["prediction"], "gold": row["gold"]}])
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


def phrasings(data: Path, every: int) -> Row:
    """For each phrasing: the share of golds accepted, and the number of near wrong answers accepted."""
    golds = [row["answer"] for row in rows(data, "gsm8k")][::every]
    found: Row = {}
    for verifier in ("numeric", "math"):
        judge = Judge(verifier)
        for name, phrasing in PHRASINGS.items():
            right = judge([{"prediction": phrasing.format(gold), "gold": gold} for gold in golds])
            pairs = [{"prediction": phrasing.format(wrong), "gold": gold} for gold in golds for wrong in near(gold)]
            found.setdefault(name, {})[verifier] = {
                "accepted": sum(verdict.score == 1.0 for verdict in right) / len(golds),
                "false": sum(verdict.score == 1.0 for verdict in judge(pairs)),
            }
    return found


def solutions(data: Path) -> Row:
    """Agreement with the labels of real solutions, by task."""
    numeric = Judge("numeric")
    found = rows(data, "gsm8k_model_solutions")
    verdicts = numeric([{"prediction": row["solution"], "gold": row["answer"]} for row in found])
    agreed = sum((v.score == 1.0) == row["is_correct"] for row, v in zip(found, verdicts, strict=True))
    return {"gsm8k_model_solutions": {"rows": len(found), "agreed": agreed}}


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
