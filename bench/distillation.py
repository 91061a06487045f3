"""A teacher's traces against on-policy distillation, at the same number of the teacher's tokens, on `chain`.

    python bench/distillation.py [--seeds 0 1 2] [--out FILE] [key=value …]

`configs/distil_on_policy.yaml` provides the teacher and on-policy distillation, in which the teacher reads each token
that the student draws. SFT imitates traces that the same teacher wrote, either all or only the right ones, with the
same total number of tokens. Both students start from the same warm start; overrides apply to each of their runs.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness import CONFIGS, QUIET, Row, Table, arguments, flat, record, whetstone

WAYS = {"on_policy": "on-policy distillation", "traces": "SFT on its traces", "right_traces": "SFT on its right traces"}
DRAW = 128
"""Number of completions per draw."""
TRACES = 2
"""Number of traces per problem."""
STEPS, BATCH, RATE = 120, 64, 5e-4
"""SFT's number of optimizer steps, examples per step, and learning rate, as in `configs/star.yaml`."""


def runs(seed: int, prompts: int, overrides: Sequence[str]) -> list[Row]:
    """The rows of one seed: figures before and after for each method.

    Args:
        seed: random seed of the warm start, the problems and the runs.
        prompts: number of problems whose traces are drawn.
        overrides: overrides of the students' runs.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        own = [f"seed={seed}", f"logging.folder={scratch}", *QUIET]
        whetstone("train", CONFIGS / "distil_on_policy.yaml", *own, *overrides)
        stages = folder / "distil_on_policy"
        teacher, student = (stages / f"distil_on_policy.{stage}" for stage in ("teacher", "student"))
        tokens = _drawn_tokens(student / "metrics.jsonl")
        found = {"on_policy": _summary(student)}
        for way, keep in (("traces", "all"), ("right_traces", "right")):
            traces = folder / f"{way}.jsonl"
            drawing = [f"policy.model={teacher / 'model'}", f"sampling.completions={TRACES}"]
            given = [f"seed={seed}", *drawing, *(one for one in overrides if one.startswith("task."))]
            whetstone("sample", CONFIGS / "grpo.yaml", *given, "--prompts", prompts, "--keep", keep, "--out", traces)
            mix = json.dumps({"data": {"t": {"data": str(traces), "share": 1.0}}, "by": "tokens", "total": tokens})
            fit = [f"trainer.max_steps={STEPS}", f"trainer.per_device_train_batch_size={BATCH}"]
            fit += [f"trainer.learning_rate={RATE}", f"name={way}", "algorithm=sft", f"algorithm.examples={mix}"]
            whetstone("train", CONFIGS / "grpo.yaml", *own, "evaluation.k=4", "evaluation.n=300", *fit, *overrides)
            found[way] = _summary(folder / way)
    kept = {way: {name: summary[name] for name in ("before", "after", "steps")} for way, summary in found.items()}
    return [flat({"seed": seed, "way": way, "teacher_tokens": tokens, **figures}) for way, figures in kept.items()]


def _summary(run: Path) -> Row:
    return json.loads((run / "summary.json").read_text(encoding="utf-8"))


def _drawn_tokens(metrics: Path) -> int:
    """Number of tokens that an online run drew, with one log line per draw."""
    lines = map(json.loads, metrics.read_text(encoding="utf-8").splitlines())
    return round(sum(DRAW * line["completions/mean_length"] for line in lines if "completions/mean_length" in line))


def table(rows: Sequence[Row]) -> Table:
    """The results of each method from the same warm starts: means over seeds, with the lowest and the highest seed."""
    metrics = {"greedy": "greedy", "mean_at_k": "sampled, mean of 4", "chain": "chain"}
    tokens = statistics.mean(row["teacher_tokens"] for row in rows)
    lines = [["before", "", *(f"{statistics.mean(r[f'before.{metric}'] for r in rows):.3f}" for metric in metrics)]]
    for way, label in WAYS.items():
        after = {metric: [r[f"after.{metric}"] for r in rows if r["way"] == way] for metric in metrics}
        cells = [f"{statistics.mean(v):.3f} ({min(v):.3f} to {max(v):.3f})" for v in after.values()]
        lines.append([label, f"{tokens:,.0f}", *cells])
    return Table(["way", "teacher tokens", *metrics.values()], lines)


def main() -> None:
    """Run the seeds, record their rows, print the table."""
    parser = arguments(__doc__, seeds=range(3), overrides=True)
    parser.add_argument("--prompts", type=int, default=2000, help="problems whose traces are drawn")
    given = parser.parse_args()
    rows: list[Row] = []
    for seed in given.seeds:
        rows += runs(seed, given.prompts, given.overrides)
        record(given.out, rows[-len(WAYS) :], key=["seed", "way"])
    table(rows).show()


if __name__ == "__main__":
    main()
