"""The quickstart over five seeds: accuracy before and after, time and memory. Prints the README's table.

    make bench-quickstart      (python bench/quickstart.py [--seeds 0 1 2 3 4] [--out bench/quickstart.json])

Each seed has a warm start, a draw of problems and a training of its own. Each runs as a user would run it, in a new
process with an empty cache, so that its time includes the warm start.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

METRICS = ("greedy", "chain", "mean_at_k", "pass_at_k", "maj_at_k")


def run(seed: int, overrides: list[str]) -> dict[str, Any]:
    """One quickstart in a process of its own: its summary with wall-clock seconds and peak memory in GiB."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [Path(sys.executable).with_name("whetstone"), "train", "configs/quickstart.yaml"]
        command += [f"seed={seed}", f"logging.folder={scratch}", *overrides]
        environment = {**os.environ, "WHETSTONE_CACHE": f"{scratch}/cache"}
        started = time.perf_counter()
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        summary = json.loads((Path(scratch) / "quickstart" / "summary.json").read_text(encoding="utf-8"))
    # the largest of the children so far, so a later seed's figure is at least the earlier ones'
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    kept = {name: summary[name] for name in ("before", "after", "steps", "device", "versions")}
    return {"seed": seed, "seconds": seconds, "peak_gib": peak, **kept}


def table(runs: list[dict[str, Any]]) -> str:
    """A Markdown table, a row a seed and a last one with the medians."""
    lines = [
        "| seed | greedy | chain | mean@8 | pass@8 | maj@8 | seconds | peak GiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in runs:
        cells = [f"{r['before'][m]['value']:.3f} → {r['after'][m]['value']:.3f}" for m in METRICS]
        lines.append(f"| {r['seed']} | {' | '.join(cells)} | {r['seconds']:.0f} | {r['peak_gib']:.2f} |")
    middle = [
        f"{statistics.median(r['before'][m]['value'] for r in runs):.3f} → "
        f"{statistics.median(r['after'][m]['value'] for r in runs):.3f}"
        for m in METRICS
    ]
    seconds, peak = statistics.median(r["seconds"] for r in runs), max(r["peak_gib"] for r in runs)
    lines.append(f"| median | {' | '.join(middle)} | {seconds:.0f} | {peak:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Run the seeds, print the table, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=Path("bench/quickstart.json"))
    parser.add_argument("overrides", nargs="*", help="key=value")
    arguments = parser.parse_args()
    runs = []
    for seed in arguments.seeds:
        runs.append(run(seed, arguments.overrides))
        print(table(runs[-1:]).splitlines()[2], flush=True)
    arguments.out.write_text(json.dumps(runs, indent=2) + "\n", encoding="utf-8")
    print(f"\n{table(runs)}")


if __name__ == "__main__":
    main()
