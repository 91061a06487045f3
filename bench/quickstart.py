"""The quickstart over five seeds: accuracy before and after, time and memory.

    make bench-quickstart      (python bench/quickstart.py [--seeds 0 1 2 3 4] [--out FILE] [key=value …])

Each seed has its own warm start, problems and training. Each is run as a user would run it, in a new process with an
empty cache, so that the time includes the warm start.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from pathlib import Path

import tables_results
from harness import CONFIGS, Row, arguments, flat, record, whetstone


def run(seed: int, overrides: list[str]) -> Row:
    """Run the quickstart in a separate process; the row has wall-clock seconds and peak memory in GiB."""
    with tempfile.TemporaryDirectory() as scratch:
        own = [f"seed={seed}", f"logging.folder={scratch}"]
        started = time.perf_counter()
        whetstone("train", CONFIGS / "quickstart.yaml", *own, *overrides, WHETSTONE_CACHE=f"{scratch}/cache")
        seconds = time.perf_counter() - started
        summary = json.loads((Path(scratch) / "quickstart" / "summary.json").read_text(encoding="utf-8"))
    # maximum over all child processes so far, so a later seed's figure is at least that of earlier seeds
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    kept = {name: summary[name] for name in ("before", "after", "steps", "device", "versions")}
    return flat({"seed": seed, "seconds": seconds, "peak_gib": peak, **kept})


def main() -> None:
    """Run the seeds, record their rows, print the table."""
    given = arguments(__doc__, seeds=range(5), overrides=True).parse_args()
    rows = []
    for seed in given.seeds:
        rows.append(run(seed, given.overrides))
        record(given.out, rows[-1:], key=["seed"])
    tables_results.quickstart(rows).show()


if __name__ == "__main__":
    main()
