"""The table of docs/results.md about the verifiers on real data."""

from __future__ import annotations

from collections.abc import Sequence

from harness import Row, Table


def verifiers(math: Sequence[Row], steps: Sequence[Row], code: Sequence[Row]) -> Table:
    """The verifiers on real data."""
    m, s, c = ({row[key]: row for row in rows} for rows, key in ((math, "measure"), (steps, "data"), (code, "measure")))
    pairs, golds, solutions = m["answer equivalence"], m["GSM8K golds"], m["GSM8K model solutions"]
    errors, proofs = s["processbench_gsm8k"], s["prontoqa"]
    plain, mixed = m["speed, plain"]["ratio"], m["speed, mixed"]["ratio"]
    caught = [proofs[name] for name in proofs if name.endswith("_caught")]
    hostile = [row for name, row in c.items() if name.startswith("hostile: ")]

    def found(how: str) -> str:
        return f"precision {errors[f'{how}.precision']:.1%}, recall {errors[f'{how}.recall']:.1%}"

    def no(count: int) -> str:
        return f'{count or "no"} false "equal"'

    lines = {
        f"math: {pairs['rows']} gold and prediction pairs of nine graders' test suites": (
            f"{pairs['agreed']} as expected, {no(pairs['false_equal'])}"
        ),
        f"math: {m['unparsable golds']['golds']} golds that must not parse": (
            f"{m['unparsable golds']['abstained']} abstained"
        ),
        f"math: GSM8K's gold answers · correctness of {solutions['rows']:,} model solutions": (
            f"{golds['accepted']:,} of {golds['golds']:,} accepted · {solutions['agreed']:,} agree"
        ),
        "math: speed over math-verify, same rows, one process": (
            f"plain numbers {plain:.0f} times, mixed answers {mixed:.1f} times"
        ),
        "math: 100,000 plain numbers": f"{m['speed, 100,000 plain numbers']['seconds']:.1f} s",
        f"steps: GSM8K's {s['gsm8k']['marked_equations']:,} marked equations": (
            f"{s['gsm8k']['marked_true']:.2%} judged true"
        ),
        "steps: REFINER's gold programs · wrong variants": (
            f"{s['refiner']['gold_right']:.1%} right · {s['refiner']['wrong_caught']:.1%} caught"
        ),
        "steps: first wrong step of ProcessBench GSM8K, arithmetic alone": (
            f"{found('arithmetic')} (most marked errors are misreadings with true arithmetic)"
        ),
        "steps: the same, every number must be known": found("arithmetic_and_known"),
        f"logic: ProntoQA's {proofs['rows']:,} gold proofs · each with a step dropped, swapped, replaced": (
            f"{_share([proofs['gold_accepted']])} accepted step by step · {_share(caught)} caught"
        ),
        "code: short programs, two sandboxes": f"{c['short programs']['programs_per_s']:.0f} a second",
        f"code: {len(hostile)} hostile programs": (
            f"{_share([float(row['held']) for row in hostile])} held, the next program judged as usual"
        ),
    }
    return Table(["what", "measured"], [[what, measured] for what, measured in lines.items()])


def _share(shares: Sequence[float]) -> str:
    return "all" if min(shares) == 1 else f"at least {min(shares):.1%}"
