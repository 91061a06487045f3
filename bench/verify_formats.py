"""Measures how the verifiers read answers in the formats that people and models write.

    python bench/verify_formats.py DATA_FOLDER [--rows N] [--show] [--out FILE]

DATA_FOLDER holds gzipped JSON lines: `answer_formats` (verifier, prediction, gold, settings, expected: a score, `<1` or
`abstain`), `gsm8k` (answer), `gsm8k_model_solutions` (solution, answer, is_correct) and `teacher_cot` (rationale,
answer, initial_correct). Measured are

- the share of formats judged as expected, by verifier;
- for each phrasing of an answer, the share of GSM8K's golds that `numeric` and `math` accept, and how many near wrong
  answers they accept, too;
- how often the verdicts agree with the labels of real solutions, by task.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from harness import Row, arguments, json_lines, listed, record

from verifiers.runtime.phrasings import PHRASINGS
from verifiers.runtime.verifier import Verifier
from verifiers.verdict import Verdict

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


def as_expected(verdict: Verdict, expected: object) -> bool:
    """Whether a verdict is what a row expects: a score, `<1`, or `abstain`."""
    if expected == "abstain":
        return verdict.status == "abstained"
    if verdict.score is None:
        return False
    return not verdict.right if expected == "<1" else verdict.score == expected


def formats(data: Path, most: int | None, show: bool) -> list[Row]:
    """The answer formats judged as expected, by verifier; with `show` the others are printed."""
    total: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for row in json_lines(data / "answer_formats.jsonl.gz", most):
        (verdict,) = Verifier(row["verifier"])(
            [{**row["settings"], "prediction": row["prediction"], "gold": row["gold"]}]
        )
        good = as_expected(verdict, row["expected"])
        for key in (row["verifier"], "all verifiers"):
            total[key] += 1
            right[key] += good
        if show and not good:
            print(
                f"  {row['id']}: expected {row['expected']} for {row['prediction'][-200:]!r}, gold {row['gold'][:80]!r}"
            )
            print(f"    {str(row['settings'])[:100]}: {verdict}")
    return [{"measure": f"formats: {key}", "rows": total[key], "as_expected": right[key]} for key in sorted(total)]


def near(gold: str) -> Iterator[str]:
    """Wrong answers near a gold number."""
    value = Fraction(gold.replace(",", ""))
    for wrong in (value + 1, value * 10, -value - 1, value / 8):
        if wrong != value:
            yield str(wrong) if wrong.denominator == 1 else str(float(wrong))


def stated(form: str, answer: str) -> str:
    """An answer in a phrasing that also mentions 7, which does not count."""
    return form.replace("{answer}", answer).replace("{wrong}", "7")


def phrasings(data: Path, most: int | None) -> list[Row]:
    """For each phrasing: the share of golds accepted, and the number of near wrong answers accepted."""
    golds = [row["answer"] for row in json_lines(data / "gsm8k.jsonl.gz", most)]
    found: list[Row] = []
    for verifier in (Verifier("numeric"), Verifier("math")):
        for name, form in {**PHRASINGS, **NUMBERS}.items():
            right = verifier([{"prediction": stated(form, gold), "gold": gold} for gold in golds])
            pairs = [{"prediction": stated(form, wrong), "gold": gold} for gold in golds for wrong in near(gold)]
            found.append(
                {
                    "measure": f"phrasing, {verifier.name}: {name}",
                    "golds": len(golds),
                    "accepted": sum(verdict.right is True for verdict in right) / len(golds),
                    "wrong_accepted": sum(verdict.right is True for verdict in verifier(pairs)),
                }
            )
    return found


def solutions(data: Path, most: int | None) -> list[Row]:
    """Agreement with the labels of real solutions, by task."""
    total: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    accepted: Counter[str] = Counter()
    labelled = [
        ("gsm8k_model_solutions", "numeric", row["solution"], row["is_correct"], row)
        for row in json_lines(data / "gsm8k_model_solutions.jsonl.gz", most)
    ]
    for row in json_lines(data / "teacher_cot.jsonl.gz", most):
        if "rationale" in row:
            task = row["split"].partition(":")[0]
            labelled.append((task, TASKS.get(task, "choice"), row["rationale"], row["initial_correct"], row))
    for task, verifier, text, correct, row in labelled:
        found = {"prediction": text, "gold": row["answer"]}
        if verifier == "choice":
            found["choices"] = [
                {"label": a, "text": b} for a, b in LABEL.findall(row["question"].split("choices:")[-1])
            ]
        (verdict,) = Verifier(verifier)([found])
        total[task] += 1
        agreed[task] += (verdict.right is True) == correct
        accepted[task] += verdict.right is True and not correct
    return [
        {"measure": f"solutions: {task}", "rows": total[task], "agreed": agreed[task], "wrong_accepted": accepted[task]}
        for task in total
    ]


def main() -> None:
    """Measure, record the rows, print the figures."""
    parser = arguments(__doc__, data=True)
    parser.add_argument("--show", action="store_true", help="print every format that is not judged as expected")
    given = parser.parse_args()
    rows = formats(given.data, given.rows, given.show)
    rows += [*phrasings(given.data, given.rows), *solutions(given.data, given.rows)]
    record(given.out, rows, key=["measure"])
    listed(rows, "measure").show()


if __name__ == "__main__":
    main()
