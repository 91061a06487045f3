"""Mutation testing: which mutants of the code the tests kill, with mutmut on the parts that compute.

    make mutate      (python bench/mutate.py [--only credit …] [--most 300] [--jobs 2] [--out FILE])

A mutant is a function with one expression changed (`+` to `-`, a constant by one, a condition inverted). It is killed
if a test fails or hangs. If a part has more than `--most` mutants, that many are drawn with a fixed seed. Every part is
mutated in a copy of the project, `runs/mutants/PART`, so the working tree is not changed. After an interruption, the
same command continues, as long as no file has changed since. Survivors are printed with their change: some do not
change any visible behaviour, the others show that a test is missing.

Values that are assigned at module level (constants, patterns, tables) are not mutated.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from harness import ROOT, Row, Table, arguments, record

SEED = 0
COPIED = ("rl", "rewards", "verifiers", "tests", "configs", "whetstone_rl.py")
KILLED = ("killed", "timeout", "segfault")
SCRATCH = ROOT / "runs" / "mutants"
FINGERPRINT = "fingerprint.txt"


class Part(NamedTuple):
    """Patterns of the files to mutate, and the tests that should kill the mutants."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


PARTS = {
    "credit": Part(("rl/credit/*.py",), ("tests/rl/credit",)),
    "examples": Part(("rl/examples/*.py",), ("tests/rl/examples",)),
    "sampling": Part(
        ("rl/sampling/curriculum.py", "rl/sampling/dynamic.py"),
        ("tests/rl/sampling/test_curriculum.py", "tests/rl/sampling/test_dynamic.py"),
    ),
    "analysis": Part(
        ("rl/analysis/intervals.py", "rl/analysis/evaluation.py"),
        (
            "tests/rl/analysis/test_intervals.py",
            "tests/rl/analysis/test_evaluation.py",
            "tests/rl/analysis/test_statements.py",
        ),
    ),
    "algorithms": Part(
        ("rl/algorithms/length.py", "rl/algorithms/policy_loss.py"),
        ("tests/rl/algorithms/test_length.py", "tests/rl/algorithms/test_policy_loss.py"),
    ),
    "mixing": Part(("rewards/mixing/*.py",), ("tests/rewards/mixing",)),
    "equality": Part(("verifiers/algebra/equality.py",), ("tests/verifiers/algebra/test_equality.py",)),
}
"""Only an algorithm's pure functions are in `algorithms`, since the tests of trainers take minutes."""


def copied(part: Part, into: Path) -> None:
    """Make a copy of the project in which mutmut can mutate a part."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, into / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, into)
    settings = {
        "source_paths": ["rl", "rewards", "verifiers"],
        "only_mutate": list(part.files),
        "also_copy": list(COPIED[3:]),
        "pytest_add_cli_args_test_selection": list(part.tests),
        "pytest_add_cli_args": ["-p", "no:cacheprovider"],
        "timeout_multiplier": 5.0,
    }
    lines = (f"{name} = {json.dumps(value)}" for name, value in settings.items())  # lists of strings are TOML, too
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (into / "pyproject.toml").write_text("\n".join([project, "[tool.mutmut]", *lines, ""]), encoding="utf-8")


def mutants(part: Part) -> list[str]:
    """The names of all mutants of a part, read from its copy."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    files = sorted(file for pattern in part.files for file in Path().glob(pattern))
    return [
        get_mutant_name(file, name)
        for file in files
        for name in mutate_file_contents(str(file), file.read_text(encoding="utf-8")).mutant_names
    ]


def fingerprint(part: Part) -> str:
    """A hash of the files and settings of a copy, which changes if any of them changes."""
    digest = hashlib.sha256(repr(part).encode())
    files = (ROOT / name for name in (*COPIED, "pyproject.toml"))
    for file in sorted(one for path in files for one in ([path] if path.is_file() else path.rglob("*.*"))):
        if file.is_file() and file.suffix != ".pyc":
            digest.update(file.read_bytes())
    return digest.hexdigest()


def ready(part: Part, folder: Path) -> None:
    """Make sure that a folder has a copy of the current project; an earlier copy of it is kept with its results."""
    file, now = folder / FINGERPRINT, fingerprint(part)
    if not file.exists() or file.read_text(encoding="utf-8") != now:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        copied(part, folder)
        file.write_text(now, encoding="utf-8")


def exit_codes() -> dict[str, int | None]:
    """Name of a mutant → the exit code of its tests, None if they were not run; called from within its copy."""
    codes: dict[str, int | None] = {}
    for file in Path("mutants").rglob("*.meta"):
        codes |= json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]
    return codes


def tried(name: str, most: int, jobs: int) -> tuple[dict[str, str], dict[str, str], int]:
    """Run those of a part's mutants that were not run before.

    Args:
        name: name of the part.
        most: largest number of mutants to try.
        jobs: number of parallel jobs.

    Returns:
        Name of a mutant → result; name of a surviving mutant → its change; and the number of all mutants.
    """
    # within functions, so that the map of parts is there where mutmut is not
    from mutmut.configuration import reset_config
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.stats import status_by_exit_code

    part, folder = PARTS[name], SCRATCH / name
    ready(part, folder)
    before = os.getcwd()
    os.chdir(folder)
    try:
        reset_config()  # mutmut reads its configuration from where it is
        names = mutants(part)
        chosen = names if len(names) <= most else sorted(random.Random(SEED).sample(names, most))
        codes = exit_codes()
        if left := [one for one in chosen if codes.get(one) is None]:
            print(f"{name}: {len(left)} of {len(chosen)} mutants to run", flush=True)
            environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
            environment |= {"OMP_NUM_THREADS": "1"}
            command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(jobs), *left]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"mutmut failed on {', '.join(part.files)}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
            codes = exit_codes()
        fates = {one: status_by_exit_code[codes[one]] for one in chosen}
        changes = {one: get_diff_for_mutant(one) for one, fate in fates.items() if fate not in KILLED}
    finally:
        os.chdir(before)
    return fates, changes, len(names)


def changed_lines(diff: str) -> str:
    """The changed lines, without context."""
    return "\n".join(line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---"))


def table(rows: Sequence[Row]) -> Table:
    """The share of killed mutants in each part, and overall."""
    tried, killed = sum(row["tried"] for row in rows), sum(row["killed"] for row in rows)
    whole = {"part": "all", "mutants": sum(row["mutants"] for row in rows), "tried": tried, "killed": killed}
    return Table(
        ["part", "mutants", "tried", "killed", "share"],
        [
            [
                row["part"],
                *(f"{row[name]:,}" for name in ("mutants", "tried", "killed")),
                f"{row['killed'] / row['tried']:.1%}",
            ]
            for row in [*rows, whole]
        ],
    )


def main() -> None:
    """Try the parts, record their rows, and print the survivors and the shares."""
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--most", type=int, default=300, help="mutants of a part")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    given = parser.parse_args()
    rows = []
    for name in given.only:
        fates, changes, count = tried(name, given.most, given.jobs)
        for mutant, change in changes.items():
            print(f"{fates[mutant]}: {mutant}\n{changed_lines(change)}\n", flush=True)
        fate = Counter(fates.values())
        killed = sum(fate[kind] for kind in KILLED)
        files = ", ".join(PARTS[name].files)
        rows.append({"part": name, "files": files, "mutants": count, "tried": len(fates), "killed": killed})
        record(given.out, rows[-1:], key=["part"])
    table(rows).show()


if __name__ == "__main__":
    main()
