"""Measures the math verifier on real answers, and its speed compared with plain math-verify on the same rows.

    python bench/verify_math.py DATA_DIR [--rows N] [--out FILE]

DATA_DIR holds gzipped JSON lines: `answer_equivalence` (gold, prediction, expected_equal, grader_specific),
`unparsable_golds` (text), `gsm8k` (answer) and `gsm8k_model_solutions` (solution, answer, is_correct). Every
disagreement is printed. Speeds are medians of repeats, alternating between the two, each in one process; ours is
measured on one core without the pool, and with it (where the workers keep what they parsed in earlier turns).
"""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from harness import Row, arguments, json_lines, listed, record

from verifiers import math
from verifiers.runtime.verifier import Verifier

REPEATS = 5


class Data:
    """The data sets of a folder.

    Args:
        folder: the folder of the data sets.
        most: largest number of rows to read from each; None for all.
    """

    def __init__(self, folder: Path, most: int | None) -> None:
        self.folder, self.most = folder, most

    def rows(self, name: str) -> list[Row]:
        """The rows of one data set."""
        return json_lines(self.folder / f"{name}.jsonl.gz", self.most)


def equivalence(data: Data) -> Row:
    """Agreement with the graders' own test suites, over rows that follow the values."""
    pairs = mixed_pairs(data)
    verdicts = Verifier("math")(pairs)
    agreed = false_equal = 0
    for row, verdict in zip(pairs, verdicts, strict=True):
        equal = verdict.right is True
        agreed += equal == row["expected_equal"]
        false_equal += equal and not row["expected_equal"]
        if equal != row["expected_equal"]:
            print(f"  differs: gold {row['gold'][:80]!r}, prediction …{row['prediction'][-80:]!r}: {verdict}")
    return {"rows": len(pairs), "agreed": agreed, "false_equal": false_equal}


def unparsable(data: Data) -> Row:
    """Golds that must not parse: abstained, whether the prediction is a number or the same text."""
    golds = [row["text"] for row in data.rows("unparsable_golds")]
    pairs = [{"gold": gold, "prediction": p} for gold in golds for p in ("3", gold, f"${gold}$", f"\\boxed{{{gold}}}")]
    verdicts = Verifier("math")(pairs)
    for pair, verdict in zip(pairs, verdicts, strict=True):
        if verdict.status != "abstained":
            print(f"  not abstained: {pair}: {verdict}")
    abstained = [verdict.status == "abstained" for verdict in verdicts]
    return {"golds": len(golds), "abstained": sum(all(abstained[i : i + 4]) for i in range(0, len(abstained), 4))}


def gsm8k_golds(data: Data) -> Row:
    """Each gold answer against itself, bare and as its data set writes it."""
    found = data.rows("gsm8k")
    pairs = [{"gold": row["answer"], "prediction": f"{row['rationale']}\n#### {row['answer']}"} for row in found]
    bare = [{"gold": row["answer"], "prediction": row["answer"]} for row in found]
    verifier = Verifier("math")
    accepted = 0
    for pair, one, two in zip(pairs, verifier(pairs), verifier(bare), strict=True):
        accepted += bool(one.right and two.right)
        if not (one.right and two.right):
            print(f"  not accepted: {pair['gold']!r}: {one} {two}")
    return {"golds": len(pairs), "accepted": accepted}


def gsm8k_solutions(data: Data) -> Row:
    """Agreement with the labels of real model solutions."""
    found = data.rows("gsm8k_model_solutions")
    verdicts = Verifier("math")([{"gold": row["answer"], "prediction": row["solution"]} for row in found])
    agreed = false_equal = 0
    for row, verdict in zip(found, verdicts, strict=True):
        equal = verdict.right is True
        agreed += equal == row["is_correct"]
        false_equal += equal and not row["is_correct"]
        if equal != row["is_correct"]:
            label = "right" if row["is_correct"] else "wrong"
            print(
                f"  differs: {row['id']}: labelled {label}, gold {row['answer']!r}, we found {verdict.extracted!r} "
                f"({verdict.reason}); it ends …{row['solution'][-60:]!r}"
            )
    return {"rows": len(found), "agreed": agreed, "share": agreed / len(found), "false_equal": false_equal}


def speeds(data: Data) -> dict[str, Row]:
    """Rows per second of both verifiers on plain numbers and on the mixed set, alternating over the same rows."""
    figures = {"plain": compared(plain_pairs()), "mixed": compared(mixed_pairs(data))}
    many = [{"gold": str(n), "prediction": f"{n}.0" if n % 3 else f"{n:,}"} for n in range(100_000)]
    seconds = [timed(_pooled, many) for _ in range(3)]
    return figures | {"100,000 plain numbers": {"seconds": statistics.median(seconds)}}


def plain_pairs() -> list[Row]:
    """Pairs of plain numbers, half of them equal."""
    return [{"gold": str(n * 7), "prediction": str(n * 7 + n % 2)} for n in range(2000)]


def mixed_pairs(data: Data) -> list[Row]:
    """The graders' own pairs, as far as they follow the values."""
    return [row for row in data.rows("answer_equivalence") if not row.get("grader_specific")]


def compared(pairs: list[Row]) -> Row:
    """Rows per second of plain math-verify, of ours in one process, and of ours with the pool."""
    from math_verify import parse
    from math_verify import verify as compare

    logging.getLogger("math_verify").setLevel(logging.ERROR)

    def theirs(pairs: list[Row]) -> None:
        for pair in pairs:
            gold = parse(pair["gold"], parsing_timeout=0)
            compare(gold, parse(pair["prediction"], parsing_timeout=0), timeout_seconds=None)

    def ours(pairs: list[Row]) -> None:
        for pair in pairs:
            math.verify(pair["prediction"], pair["gold"])

    rates = rates_of({"math_verify": theirs, "ours": ours, "ours_pooled": _pooled}, pairs)
    ratios = {
        "ratio": rates["ours"] / rates["math_verify"],
        "ratio_pooled": rates["ours_pooled"] / rates["math_verify"],
    }
    return {"rows": len(pairs), **rates, **ratios}


def _pooled(pairs: list[Row]) -> None:
    Verifier("math")(pairs)  # a new one each time: nothing is remembered


def rates_of(runs: dict[str, Callable[[list[Row]], None]], pairs: list[Row]) -> dict[str, float]:
    """Median rows per second of each, in alternating turns; the first turn is a warm-up and does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(REPEATS + 1):
        for name, run in runs.items():
            taken = timed(run, pairs)
            if turn:
                seconds[name].append(taken)
    return {name: len(pairs) / statistics.median(taken) for name, taken in seconds.items()}


def timed(run: Callable[[list[Row]], None], pairs: list[Row]) -> float:
    """Seconds for one pass over the rows, without the caches of an earlier one."""
    clear_caches()
    start = time.perf_counter()
    run(pairs)
    return time.perf_counter() - start


def clear_caches() -> None:
    """Clear the caches of both verifiers, so that each pass does all the work."""
    from math_verify import parser
    from sympy.core.cache import clear_cache

    from verifiers.algebra import convert, decide

    clear_cache()
    convert.read.cache_clear()
    decide.read.cache_clear()
    for cached in (parser.parse_latex_cached, parser.parse_expr_cached, parser.extract_latex):
        cached.cache_clear()


MEASURES = {
    "answer equivalence": equivalence,
    "unparsable golds": unparsable,
    "GSM8K golds": gsm8k_golds,
    "GSM8K model solutions": gsm8k_solutions,
}


def main() -> None:
    """Run all, record the rows, print the figures."""
    given = arguments(__doc__, data=True).parse_args()
    data = Data(given.data, given.rows)
    rows: list[Row] = []
    for name, measure in MEASURES.items():
        print(name)
        rows.append({"measure": name, **measure(data)})
    rows += [{"measure": f"speed, {name}", **figures} for name, figures in speeds(data).items()]
    record(given.out, rows, key=["measure"])
    listed(rows, "measure").show()


if __name__ == "__main__":
    main()
