"""How many programs a second the code verifier judges, and what becomes of hostile ones.

    python bench/verify_code.py [DATA_DIR] [--workers 2] [--json OUT]

The programs: short ones as a small model writes them for word problems, right and wrong ones. With DATA_DIR, a folder
with `gsm8k.jsonl.gz`, also one program for each of its problems, made of the equations marked in its rationale; the
answer that they lead to must be judged right. The hostile list is that of the tests.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import runpy
import socket
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import verifiers
from verifiers.code import verify, verify_many
from verifiers.execution.sandbox import Sandbox, shared

REPEATS = 5
BATCH = 400
_MARK = re.compile(r"<<([-+*/().\d\s]+)=[^<>]*>>")
_HOSTILE = Path(__file__).parents[1] / "tests" / "verifiers" / "execution" / "hostile_programs.py"
_SHAPES = (
    "def solution():\n    apples = {a}\n    eaten = {b}\n    return apples - eaten",
    "```python\nimport math\ndef solution():\n    return math.ceil({a} - {b})\n```\nSo that is the answer.",
    "total = 0\nfor item in range({a}):\n    total += 1\nprint(total - {b})",
    "def simple_math_problem() -> int:\n    '''{a} and {b}'''\n    numbers = [{a}, -{b}]\n    return sum(numbers)",
    "from fractions import Fraction\nprint(Fraction({a}) + Fraction({b}))",
)


def main() -> None:
    """Print the figures; write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, help="folder with gsm8k.jsonl.gz")
    parser.add_argument("--workers", type=int, default=2, help="sandboxes at once")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"workers": arguments.workers, "processors": os.cpu_count()}
    figures["programs_per_s"] = speed(arguments.workers)
    print(f"short programs: {figures['programs_per_s']['median']:.0f} a second", figures["programs_per_s"])
    if arguments.data:
        figures["gsm8k"] = gsm8k(arguments.data, arguments.workers)
        print("gsm8k:", figures["gsm8k"])
    figures["hostile"] = hostile()
    for name, outcome in figures["hostile"].items():
        print(f"  {'held ' if outcome['held'] else 'BROKE'} {outcome['seconds']:5.2f} s  {name}: {outcome['reason']}")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        # what a program said names places of the machine it ran on, which are no figures
        held = {name: {"held": o["held"], "seconds": o["seconds"]} for name, o in figures["hostile"].items()}
        arguments.json.write_text(json.dumps({**figures, "hostile": held}, indent=2) + "\n")


def speed(workers: int) -> dict[str, Any]:
    """Programs a second over several runs, each of different programs, once the sandboxes run."""
    verify_many(rows(-1, workers), workers=workers)
    rates = []
    for repeat in range(REPEATS):
        batch = rows(repeat, BATCH)
        began = time.perf_counter()
        verdicts = verify_many(batch, workers=workers)
        rates.append(BATCH / (time.perf_counter() - began))
        right = sum(verdict.score or 0 for verdict in verdicts)
        if right != BATCH * 4 // 5:
            raise SystemExit(f"{right} of {BATCH} programs were judged right, not {BATCH * 4 // 5}")
    return {"median": statistics.median(rates), "lowest": min(rates), "highest": max(rates), "repeats": REPEATS}


def rows(repeat: int, count: int) -> list[dict[str, str]]:
    """Different programs, four right ones and a wrong one in turn."""
    made = []
    for index in range(count):
        a, b = 1000 + index, repeat + 3
        made.append({"prediction": _SHAPES[index % 5].format(a=a, b=b), "gold": str(a - b)})
    return made


def gsm8k(folder: Path, workers: int) -> dict[str, Any]:
    """One program for each problem whose marked equations are Python and lead to its answer; all must be right."""
    batch = []
    with gzip.open(folder / "gsm8k.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
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
    return {"programs": len(batch), "right": len(batch) - len(wrong), "per_s": len(batch) / seconds}


def _value(expression: str) -> float | None:
    """What a marked equation is worth as Python; None where it is not Python."""
    try:
        return float(eval(expression, {"__builtins__": {}}))  # nothing but digits, points, brackets and + - * /
    except (SyntaxError, TypeError, ZeroDivisionError):
        return None


def _near(value: float | None, answer: str) -> bool:
    return value is not None and abs(value - float(answer.replace(",", ""))) < 1e-6


def hostile() -> dict[str, dict[str, Any]]:
    """Each hostile program: whether the sandbox held and the next program was judged as usual, how long, and why."""
    outcomes = {}
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
            held = verdict.right is False and untouched and verify("7", "7").right
            outcomes[name] = {"held": bool(held), "seconds": round(seconds, 2), "reason": verdict.reason}
    with Sandbox() as sandbox:
        sandbox.start()
        print(f"hostile programs, isolated by {sandbox.route}:")
    shared.close_all()
    return outcomes


if __name__ == "__main__":
    main()
