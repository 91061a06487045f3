"""A real small model learns to write equations: SFT on 1,000 of SVAMP's training questions, accuracy on its test set.

    python bench/svamp.py --data DATA --model MODEL [--seeds 0] [--out FILE] [key=value …]

DATA is SVAMP as gzipped JSON lines (question, answer, equation, split), MODEL a folder or hub id of a causal language
model, such as SmolLM2-135M-Instruct. The equations of the training questions are first converted from prefix notation
to the usual notation. The verifier evaluates the equations that the model writes.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from harness import CONFIGS, Row, arguments, flat, json_lines, listed, record, whetstone

QUESTIONS = 1200
"""Number of training questions to read; a tenth is validation, and the config fits on 1,000 of the rest."""


def infix(prefix: str) -> str:
    """An equation in the usual notation: `* + 3 4 2` is `(3 + 4) * 2`.

    Raises:
        ValueError: the text is not an equation in prefix notation.
    """
    tokens = prefix.split()

    def read(place: int) -> tuple[str, int, bool]:
        if place >= len(tokens):
            raise ValueError(f"{prefix!r} ends too early")
        token = tokens[place]
        if token not in ("+", "-", "*", "/"):
            return f"{float(token):g}" if float(token) < 1e6 else token, place + 1, False
        left, place, compound = read(place + 1)
        right, place, also = read(place)
        return f"{f'({left})' if compound else left} {token} {f'({right})' if also else right}", place, True

    text, end, _ = read(0)
    if end != len(tokens):
        raise ValueError(f"{prefix!r} goes on after its end")
    return text


def rows(data: Path) -> list[Row]:
    """The first training questions and the test questions, with their equations."""
    found = json_lines(data)
    train = [row for row in found if row["split"].startswith("train")][:QUESTIONS]
    made = [{"question": r["question"], "answer": r["answer"], "equation": infix(r["equation"])} for r in train]
    test = [{"question": r["question"], "answer": r["answer"]} for r in found if r["split"] == "test"]
    return [{**r, "split": "train"} for r in made] + [{**r, "equation": None, "split": "test"} for r in test]


def main() -> None:
    """Run the seeds and record their rows."""
    parser = arguments(__doc__, seeds=range(1), overrides=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", required=True)
    given = parser.parse_args()
    done = []
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "svamp.jsonl"
            file.write_text("".join(json.dumps(row) + "\n" for row in rows(given.data)), encoding="utf-8")
            own = [f"task.data={file}", f"policy.model={given.model}", f"seed={seed}", f"logging.folder={scratch}"]
            started = time.perf_counter()
            whetstone("train", CONFIGS / "svamp_smollm2.yaml", *own, *given.overrides)
            seconds = time.perf_counter() - started
            summary = json.loads((Path(scratch) / "svamp_smollm2" / "summary.json").read_text(encoding="utf-8"))
        kept = {name: summary[name] for name in ("before", "after", "steps", "device")}
        done.append(flat({"seed": seed, "seconds": seconds, **kept}))
        record(given.out, done[-1:], key=["seed"])
    listed(done, "seed").show()


if __name__ == "__main__":
    main()
