"""Measures the step, logic and choice verifiers on real data.

    python bench/verify_steps.py DATA_FOLDER [--rows N] [--out FILE]

DATA_FOLDER holds gzipped JSON lines: gsm8k, refiner, processbench_gsm8k, prontoqa, proofwriter, mario_rationales. A
missing file is skipped with a message. Takes about a minute on one core.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

from harness import Row, arguments, flat, json_lines, listed, record

from verifiers import boolean, choice, logic, steps
from verifiers.verdict import Verdict


def gsm8k(rows: list[Row]) -> Row:
    """The marked equations of the rationales, the steps that follow from what is known, and the answers."""
    marked = true = free = free_true = follows = judged = answers = 0
    for row in rows:
        verdict = steps.verify(row["rationale"] + "\n#### " + row["answer"], row["answer"], question=row["question"])
        answers += verdict.right is True
        for step in verdict.steps:
            if row["rationale"].startswith("<<", step.start):
                marked += 1
                true += step.right is True
            elif step.status == "judged":
                free += 1
                free_true += step.right is True
            judged += step.status == "judged"
            follows += step.status == "judged" and step.reason == "right"
    return {
        "rows": len(rows),
        "marked_equations": marked,
        "marked_true": _share(true, marked),
        "unmarked_equations": free,
        "unmarked_true": _share(free_true, free),
        "steps_whose_numbers_are_known": _share(follows, judged),
        "answers_accepted": _share(answers, len(rows)),
    }


def refiner(rows: list[Row]) -> Row:
    """Gold programs and wrong variants, against the gold program, and against the answer by split."""
    rows = [row for row in rows if row["id"].startswith("mwp")]
    found: Row = {"rows": len(rows)}
    gold = [steps.verify(row["rationale"], row["rationale"], question=row["question"]) for row in rows]
    found["gold_right"] = _share(sum(verdict.right is True for verdict in gold), len(rows))
    found["gold_that_do_not_run"] = sum(verdict.status == "abstained" for verdict in gold)
    variants = [row for row in rows if row.get("incorrect_rationale")]
    wrong = [row for row in variants if _plain(row["incorrect_rationale"]) != _plain(row["rationale"])]
    found["variants_equal_to_the_gold"] = len(variants) - len(wrong)
    found["wrong_variants"] = len(wrong)
    caught = [steps.verify(row["incorrect_rationale"], row["rationale"], question=row["question"]) for row in wrong]
    found["wrong_caught"] = _share(sum(verdict.score == 0.0 for verdict in caught), len(wrong))
    for split in sorted({row["split"] for row in rows}):
        part = [row for row in rows if row["split"] == split]
        right = sum(_score(row["rationale"], row) == 1.0 for row in part)
        missed = [row for row in wrong if row["split"] == split]
        by_answer: Row = {"rows": len(part), "gold_right": _share(right, len(part))}
        if missed:
            caught = [_score(row["incorrect_rationale"], row) == 0.0 for row in missed]
            by_answer["wrong_caught"] = _share(sum(caught), len(missed))
        found[f"by_answer_{split}"] = by_answer
    return found


def processbench(rows: list[Row]) -> Row:
    """Compare the first wrong step in human labels with the first step that has a false equation."""
    found: Row = {"rows": len(rows)}
    for name, known in (("arithmetic", False), ("arithmetic_and_known", True)):
        exact = said = labelled = flagged_right = 0
        for row in rows:
            text = "\n".join(row["steps"])
            ends, at = [], 0
            for part in row["steps"]:
                at += len(part) + 1
                ends.append(at)
            verdict = steps.verify(text, "0", question=row["question"], require_known=known)
            wrong = [step.start for step in verdict.steps if step.score == 0.0]
            first = next(index for index, end in enumerate(ends) if wrong[0] < end) if wrong else -1
            said += first >= 0
            labelled += row["first_error_step"] >= 0
            exact += first >= 0 and first == row["first_error_step"]
            flagged_right += first >= 0 and row["first_error_step"] < 0
        found[name] = {
            "solutions_with_an_error": labelled,
            "solutions_flagged": said,
            "first_wrong_step_found": exact,
            "precision": _share(exact, said),
            "recall": _share(exact, labelled),
            "right_solutions_flagged": flagged_right,
        }
    return found


def prontoqa(rows: list[Row]) -> Row:
    """Gold proofs step by step, and mutations of each: one step dropped, two swapped, one replaced."""
    rng = random.Random(0)
    found: Row = {"rows": len(rows), "gold_accepted": 0}
    kinds: dict[str, Callable[[Row, random.Random], list[str]]] = {
        "drop": _drop,
        "swap": _swap,
        "replace_from_theory": _replace,
        "replace_by_negation": _negate,
    }
    for kind in kinds:
        found[f"{kind}_caught"] = 0
    for row in rows:
        verdict = _proof(row, row["steps"])
        found["gold_accepted"] += verdict.chain_right is True
        for kind, mutate in kinds.items():
            verdict = _proof(row, [*mutate(row, rng), f"So the answer is {row['answer']}."])
            found[f"{kind}_caught"] += any(step.score == 0.0 for step in verdict.steps)
    return {key: value if key == "rows" else _share(value, len(rows)) for key, value in found.items()}


def proofwriter(rows: list[Row]) -> Row:
    """The number of contexts and queries understood, and the share of them whose derived truth equals the label."""
    understood = right = 0
    for row in rows:
        theory = logic.parse_theory(row["context"])
        want = next(item["text"] for item in row["choices"] if item["label"] == row["answer"]).lower()
        if not theory.unparsed:
            understood += 1
            right += logic.truth(theory, logic.question(row["query"])) == want
    return {
        "rows": len(rows),
        "understood": _share(understood, len(rows)),
        "truth_as_labelled": _share(right, understood),
    }


def mario(rows: list[Row]) -> Row:
    """On texts of small models, compare the choice that is read with the `So the answer is (x)` that ends the text."""
    count = agree = other = read = yes_no = yes_no_read = 0
    for row in rows:
        if "trunc_output" not in row:
            continue
        text = row["trunc_output"].strip()
        if row["dataset"] == "strategyqa":
            yes_no += 1
            yes_no_read += boolean.answer(text)[0] is not None
            continue
        parts = re.split(r"\s?\(([A-La-l])\)\s?", row["question"])
        choices = [{"label": label, "text": words} for label, words in zip(parts[1::2], parts[2::2], strict=True)]
        label = re.search(r"[Ss]o the answer is:? ?\(?([A-La-l])\)?\.?$", text)
        given, _, _ = choice.given(text, *choice.labelled(choices))
        if label:
            count += 1
            agree += given is not None and choices[given]["label"].lower() == label[1].lower()
        else:
            other += 1
            read += given is not None
    return {
        "stated": count,
        "stated_read_right": _share(agree, count),
        "not_stated": other,
        "not_stated_but_read": _share(read, other),
        "yes_no": yes_no,
        "yes_no_read": _share(yes_no_read, yes_no),
    }


MEASURES = {
    "gsm8k": gsm8k,
    "refiner": refiner,
    "processbench_gsm8k": processbench,
    "prontoqa": prontoqa,
    "proofwriter": proofwriter,
    "mario_rationales": mario,
}


def main() -> None:
    """Measure every data set that is in the folder, record the rows, print the figures."""
    given = arguments(__doc__, data=True).parse_args()
    rows = []
    for name, measure in MEASURES.items():
        path = given.data / f"{name}.jsonl.gz"
        if not path.exists():
            print(f"{name}: not in {given.data}")
            continue
        data, start = json_lines(path, given.rows), time.perf_counter()
        rows.append(flat({"data": name, **measure(data), "seconds": round(time.perf_counter() - start, 1)}))
    record(given.out, rows, key=["data"])
    listed(rows, "data").show()


def _share(count: int, of: int) -> float | None:
    return count / of if of else None


def _score(program: str, row: Row) -> float | None:
    return steps.verify(program, row["answer"], question=row["question"]).score


def _plain(program: str) -> str:
    return re.sub(r"\s|EOS|<END>", "", program)


def _proof(row: Row, proof: list[str]) -> Verdict:
    return logic.verify("\n".join(proof), row["answer"], context=row["context"], query=row["query"])


def _drop(row: Row, rng: random.Random) -> list[str]:
    index = rng.randrange(len(row["steps"]))
    return row["steps"][:index] + row["steps"][index + 1 :]


def _swap(row: Row, rng: random.Random) -> list[str]:
    first, second = rng.sample(range(len(row["steps"])), 2)
    proof = list(row["steps"])
    proof[first], proof[second] = proof[second], proof[first]
    return proof


def _replace(row: Row, rng: random.Random) -> list[str]:
    index = rng.randrange(len(row["steps"]))
    others = [sentence for sentence in re.split(r"(?<=\.) ", row["context"]) if sentence != row["steps"][index]]
    return [*row["steps"][:index], rng.choice(others), *row["steps"][index + 1 :]]


def _negate(row: Row, rng: random.Random) -> list[str]:
    index = rng.randrange(len(row["steps"]))
    sentence = row["steps"][index]
    verb = " is " if " is " in sentence else " are "
    turned = (
        sentence.replace(f"{verb}not ", verb) if f"{verb}not " in sentence else sentence.replace(verb, f"{verb}not ")
    )
    return [*row["steps"][:index], turned, *row["steps"][index + 1 :]]


if __name__ == "__main__":
    main()
