"""Measures how many programs per second the code verifier judges, and how it handles hostile programs.

    python bench/verify_code.py DATA_DIR [--workers 2] [--rows N] [--out FILE]

The programs: short ones as a small model writes them for word problems, right and wrong ones; and one for each problem
of `gsm8k.jsonl.gz` in DATA_DIR, made of the equations marked in its rationale, where the answer that they lead to must
be judged right. The hostile list is that of the tests.
"""

from __future__ import annotations

import os
import re
import runpy
import socket
import statistics
import tempfile
import time
from pathlib import Path

from harness import ROOT, Row, arguments, json_lines, listed, record

import verifiers
from verifiers.code import verify, verify_many
from verifiers.execution.sandbox import Sandbox, shared

REPEATS = 5
BATCH = 400
_MARK = re.compile(r"<<([-+*/().\d\s]+)=[^<>]*>>")
_HOSTILE = ROOT / "tests" / "verifiers" / "execution" / "hostile_programs.py"
_SHAPES = (
    "def solution():\n    apples = {a}\n    eaten = {b}\n    return apples - eaten",
    "```python\nimport math\ndef solution():\n    return math.ceil({a} - {b})\n```\nSo that is the answer.",
    "total = 0\nfor item in range({a}):\n    total += 1\nprint(total - {b})",
    "def simple_math_problem() -> int:\n    '''{a} and {b}'''\n    numbers = [{a}, -{b}]\n    return sum(numbers)",
    "from fractions import Fraction\nprint(Fraction({a}) + Fraction({b}))",
)


def main() -> None:
    """Measure, record the rows, print the figures."""
    parser = arguments(__doc__, data=True)
    parser.add_argument("--workers", type=int, default=2, help="sandboxes at once")
    given = parser.parse_args()
    machine = {"workers": given.workers, "processors": os.cpu_count()}
    rows: list[Row] = [
        {"measure": "short programs", **machine, **speed(given.workers, given.rows or BATCH)},
        {"measure": "gsm8k", **gsm8k(json_lines(given.data / "gsm8k.jsonl.gz", given.rows), given.workers)},
        *({"measure": f"hostile: {name}", **outcome} for name, outcome in hostile().items()),
    ]
    record(given.out, rows, key=["measure"])
    listed(rows, "measure").show()


def speed(workers: int, batch: int) -> Row:
    """Programs per second over several runs with different programs, after the sandboxes have started."""
    batch = batch // 5 * 5
    verify_many(programs(-1, workers), workers=workers)
    rates = []
    for repeat in range(REPEATS):
        rows = programs(repeat, batch)
        began = time.perf_counter()
        verdicts = verify_many(rows, workers=workers)
        rates.append(batch / (time.perf_counter() - began))
        right = sum(verdict.score or 0 for verdict in verdicts)
        if right != batch * 4 // 5:
            raise SystemExit(f"{right} of {batch} programs were judged right, not {batch * 4 // 5}")
    middle, lowest, highest = statistics.median(rates), min(rates), max(rates)
    rate = {"programs_per_s": middle, "programs_per_s.lowest": lowest, "programs_per_s.highest": highest}
    return {**rate, "repeats": REPEATS}


def programs(repeat: int, count: int) -> list[dict[str, str]]:
    """Different programs, four right ones and a wrong one in turn."""
    made = []
    for index in range(count):
        a, b = 1000 + index, repeat + 3
        made.append({"prediction": _SHAPES[index % 5].format(a=a, b=b), "gold": str(a - b)})
    return made


def gsm8k(rows: list[Row], workers: int) -> Row:
    """One program for each problem whose marked equations are Python and lead to its answer; all must be right."""
    batch = []
    for row in rows:
        steps = [mark.lstrip("0") or "0" for mark in _MARK.findall(row.get("rationale", ""))]
        if steps and None not in map(_value, steps) and _near(_value(steps[-1]), row["answer"]):
            body = "".join(f"    step_{index} = {step}\n" for index, step in enumerate(steps))
            program = f"def solution():\n{body}    return step_{len(steps) - 1}"
            batch.append({"prediction": program, "gold": row["answer"]})
    began = time.perf_counter()
    verdicts = verify_many(batch, workers=workers)
    seconds = time.perf_counter() - began
    wrong = [(row, verdict) for row, verdict in zip(batch, verdicts, strict=True) if not verdict.right]
    for row, verdict in wrong[:10]:
        print("  not right:", verdict, row)
    return {"programs": len(batch), "right": len(batch) - len(wrong), "programs_per_s": len(batch) / seconds}


def _value(expression: str) -> float | None:
    """The value of a marked equation as a Python expression; None if it is not one."""
    try:
        return float(eval(expression, {"__builtins__": {}}))  # nothing but digits, points, brackets and + - * /
    except (SyntaxError, TypeError, ZeroDivisionError):
        return None


def _near(value: float | None, answer: str) -> bool:
    return value is not None and abs(value - float(answer.replace(",", ""))) < 1e-6


def hostile() -> dict[str, Row]:
    """Each hostile program: whether the sandbox held and the next program was judged as usual, and how long it took."""
    outcomes = {}
    with Sandbox() as sandbox:
        sandbox.start()
        print(f"hostile programs, isolated by {sandbox.route}:")
    os.environ["WHETSTONE_SECRET"] = "GOLD=42"
    with tempfile.TemporaryDirectory() as outside, socket.create_server(("127.0.0.1", 0)) as server:
        os.chmod(outside, 0o777)
        verifier = Path(outside) / "verifier.py"
        verifier.write_text("# as it was\n")
        verifier.chmod(0o666)
        facts = {
            "home": str(Path.home()),
            "project": str(Path(verifiers.__file__).parent),
            "verifier": str(verifier),
            "outside": outside,
            "variable": "WHETSTONE_SECRET",
            "port": server.getsockname()[1],
        }
        for name, program in runpy.run_path(str(_HOSTILE))["HOSTILE"].items():
            began = time.perf_counter()
            verdict = verify(program.format(**facts), "42", seconds=1.0)
            seconds = time.perf_counter() - began
            untouched = verifier.read_text() == "# as it was\n" and len(os.listdir(outside)) == 1
            held = (verdict.status, verdict.score) == ("judged", 0.0) and untouched and verify("7", "7").score == 1.0
            outcomes[name] = {"held": held, "seconds": round(seconds, 2)}
            print(f"  {'held ' if held else 'BROKE'} {seconds:5.2f} s  {name}: {verdict.reason}")
    shared.close_all()
    return outcomes


if __name__ == "__main__":
    main()
