"""Supply: the wheel in a bare environment of each Python, known vulnerabilities, and licences of what it installs.

    make supply      (python bench/supply.py [--python python3.11 …] [--skip audit] [--out FILE])

A wheel is built from the sources. For each interpreter an environment in `runs/supply/` gets the wheel and what it
needs, at the versions of `constraints.txt`, and nothing else. There, in an empty folder, `whetstone check` reads the
quickstart's config, and `whetstone train` runs it for a few steps. In another environment pip-audit compares what was
installed with the vulnerabilities known to PyPI, and pip-licenses lists its licences.

The exit code is 1 if an environment cannot run Whetstone, or a vulnerability is neither absent nor in `EXPLAINED`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import CONFIGS, ROOT, Row, arguments, listed, record

WHERE = ROOT / "runs" / "supply"
TOOLS = ("pip-audit==2.10.1", "pip-licenses==5.5.5")
PYTHONS = ("python3.11", "python3.12", "python3.13")
SHORT = (
    "logging.wandb=disabled", "policy.warm_start.steps=20", "trainer.max_steps=16", "trainer.save_steps=16",
    "evaluation.n=20", "evaluation.k=2", "evaluation.validation_n=20", "evaluation.every=16",
)  # fmt: skip
"""Overrides of the quickstart's config for a run of seconds."""
EXPLAINED: Mapping[str, str] = {}
"""A vulnerability's id → why it does not concern Whetstone."""
OWN = "whetstone-rl"


class Failed(Exception):
    """A command failed; the message has the end of its output."""


def ran(*command: Any, where: Path = ROOT, fails: bool = False) -> str:
    """What a command prints on standard output.

    Args:
        command: the command and its arguments.
        where: the folder that it runs in.
        fails: whether it may end with another status than 0.

    Raises:
        Failed: it ended with another status.
    """
    unset = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(list(map(str, command)), cwd=where, env=environment, capture_output=True, text=True)
    if done.returncode and not fails:
        raise Failed(f"{' '.join(map(str, command))[:200]}: {(done.stdout + done.stderr).strip()[-1500:]}")
    return done.stdout


def wheel() -> Path:
    """Build the wheel from a copy of the sources, and return its file."""
    sources, built = WHERE / "sources", WHERE / "wheel"
    for folder in (sources, built):
        shutil.rmtree(folder, ignore_errors=True)
    sources.mkdir(parents=True)
    for name in ("rl", "rewards", "verifiers"):
        shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("whetstone_rl.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources / name)
    ran(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", built, sources)
    return next(built.glob("*.whl"))


def environment(python: str, folder: Path, *packages: Any) -> Path:
    """The interpreter of an environment with these packages; one that is there is used again.

    Args:
        python: the interpreter that makes it.
        folder: of the environment.
        packages: as pip takes them; options as well.
    """
    inside = folder / "bin" / "python"
    if not inside.exists():
        ran(python, "-m", "venv", folder)
    ran(inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages)
    return inside


def installed(python: str, wheel: Path) -> tuple[Row, Path]:
    """Install the wheel for an interpreter, run the quickstart's config, and say what was seen.

    Args:
        python: the interpreter.
        wheel: the wheel's file.

    Returns:
        The row, and the interpreter of the environment.

    Raises:
        Failed: it could not be installed, or did not run.
    """
    inside = environment(python, WHERE / Path(python).name, "--constraint", ROOT / "constraints.txt", wheel)
    ran(inside, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", wheel)  # an older one may be there
    ran(inside, "-m", "pip", "check")
    empty = WHERE / f"{Path(python).name}_run"
    shutil.rmtree(empty, ignore_errors=True)
    empty.mkdir()
    _copy_with_includes("quickstart.yaml", empty)
    whetstone = inside.with_name("whetstone")
    checked = ran(whetstone, "check", "quickstart.yaml", where=empty)
    ran(whetstone, "train", "quickstart.yaml", *SHORT, where=empty)
    summary = json.loads((empty / "runs" / "quickstart" / "summary.json").read_text(encoding="utf-8"))
    place = ran(inside, "-c", "import rl; print(rl.__file__)", where=empty).strip()
    if not Path(place).is_relative_to(inside.parents[1]):
        raise Failed(f"rl was imported from {place}")
    version = ran(inside, "-c", "import platform; print(platform.python_version())").strip()
    packages = len(_distributions(inside))
    row: Row = {"python": version, "packages": packages, "check": f"{len(checked.splitlines())} lines"}
    return row | {"quickstart": f"{summary['steps']} steps", "torch": summary["versions"]["torch"]}, inside


def _copy_with_includes(name: str, to: Path) -> None:
    """Copy a config of `configs/` with those that it includes."""
    text = (CONFIGS / name).read_text(encoding="utf-8")
    (to / name).write_text(text, encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("include:"):
            _copy_with_includes(line.partition(":")[2].strip(), to)


def _distributions(inside: Path) -> dict[str, str]:
    """Name → version, without a local part, of what an environment has besides pip and Whetstone."""
    rows = json.loads(ran(inside, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"))
    found = {row["name"].lower(): row["version"].partition("+")[0] for row in rows}
    return {name: version for name, version in found.items() if name not in ("pip", "setuptools", OWN)}


def vulnerabilities(tools: Path, inside: Path) -> list[Row]:
    """What pip-audit says of the packages in an environment: a row for each vulnerability, and one with their number.

    Args:
        tools: the interpreter that has pip-audit.
        inside: the interpreter of the environment.

    Raises:
        Failed: pip-audit could not ask, or skipped a package.
    """
    asked, packages = WHERE / "installed.txt", _distributions(inside)
    asked.write_text("".join(f"{name}=={version}\n" for name, version in packages.items()))
    out = ran(tools, "-m", "pip_audit", "--requirement", asked, "--no-deps", "--disable-pip", "--format", "json",
              "--progress-spinner", "off", fails=True)  # fmt: skip
    if not out:
        raise Failed("pip-audit printed nothing; it asks pypi.org, and may not reach it")
    rows = audited(json.loads(out)["dependencies"])
    return [*rows, {"id": "all", "packages": len(packages), "vulnerabilities": len(rows)}]


def audited(dependencies: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The rows of a report of pip-audit.

    Args:
        dependencies: its `dependencies`.

    Raises:
        Failed: it skipped a package.
    """
    if skipped := [one for one in dependencies if "skip_reason" in one]:
        raise Failed(
            f"pip-audit could not ask about {len(skipped)} of {len(dependencies)} packages, such as "
            f"{skipped[0]['name']} ({skipped[0]['skip_reason']}); it needs PyPI itself, and not a mirror of its files"
        )
    rows = []
    for one in dependencies:
        for found in one["vulns"]:
            known = next((EXPLAINED[name] for name in (found["id"], *found["aliases"]) if name in EXPLAINED), "")
            fixed = ", ".join(found["fix_versions"]) or "none"
            rows.append({"package": f"{one['name']} {one['version']}", "id": found["id"], "fixed": fixed, "why": known})
    return rows


def licences(tools: Path, inside: Path) -> list[Row]:
    """Licences of the packages in an environment, a row for each licence with its packages.

    Args:
        tools: the interpreter that has pip-licenses.
        inside: the interpreter of the environment.
    """
    given = ["--python", inside, "--format", "json", "--from", "mixed"]
    by_licence, packages = defaultdict[str, list[str]](list), _distributions(inside)
    for one in json.loads(ran(tools, "-m", "piplicenses", *given)):
        if one["Name"].lower() in packages:
            by_licence[one["License"].splitlines()[0][:80]].append(one["Name"])
    return [{"licence": name, "packages": ", ".join(sorted(of))} for name, of in sorted(by_licence.items())]


def main() -> None:
    """Build, install, run, audit and list; record all, and print it."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--python", nargs="+", default=PYTHONS, help="interpreters; the first one's packages are audited"
    )
    parser.add_argument("--skip", nargs="+", default=[], choices=("audit", "licences"), help="leave these out")
    given = parser.parse_args()
    built, failed, inside = wheel(), list[str](), None
    if given.out:
        given.out.unlink(missing_ok=True)

    def keep(part: str, rows: Sequence[Row]) -> None:
        record(given.out, [{"part": part, **row} for row in rows], key=["part", "name"])
        listed(rows, "name").show()

    for python in given.python:
        try:
            row, there = installed(python, built)
            keep("python", [{"name": Path(python).name, **row}])
            inside = inside or there
        except (Failed, OSError) as error:
            failed.append(f"{python}: {error}")
    if inside is not None:
        tools = environment(given.python[0], WHERE / "tools", *TOOLS)
        for part, looked in (("audit", vulnerabilities), ("licences", licences)):
            if part in given.skip:
                continue
            try:
                found = looked(tools, inside)
            except Failed as error:
                failed.append(f"{part}: {error}")
                continue
            keep(part, [{"name": row.get("id", row.get("licence")), **row} for row in found])
            failed += [f"{row['package']}: {row['id']} is not explained" for row in found if row.get("why") == ""]
    sys.exit("\n".join(failed) if failed else 0)


if __name__ == "__main__":
    main()
