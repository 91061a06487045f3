"""The tables of what is installed (`bench/supply.py`) and of the soak (`bench/soak.py`)."""

from __future__ import annotations

from collections.abc import Sequence

from harness import NOTHING, Row, Table

MEASURED = {
    "memory": ("memory_gib", "memory_gib_at_end", " GiB"),
    "open files": ("files", "files_at_end", ""),
    "processes": ("processes", "processes_at_end", ""),
}


def pythons(rows: Sequence[Row]) -> Table:
    """What ran in the bare environment of each Python."""
    header = ["Python", "packages", "torch", "`whetstone check`", "`configs/quickstart.yaml`, shortened"]
    columns = ("python", "packages", "torch", "check", "quickstart")
    return Table(header, [[str(row[name]) for name in columns] for row in rows] or [["not run yet", *[NOTHING] * 4]])


def vulnerabilities(rows: Sequence[Row]) -> Table:
    """Each known vulnerability with why it does not matter here, and how many packages have none."""
    whole = [row for row in rows if row["name"] == "all"]
    lines = [
        [row["package"], row["id"], row["fixed"], row["why"] or "**not explained**"] for row in rows if row not in whole
    ]
    lines += [[f"{row['packages']} packages asked about", f"{row['vulnerabilities']} known", "", ""] for row in whole]
    return Table(
        ["package", "vulnerability", "fixed in", "why it does not matter here"],
        lines or [["not asked yet", *[NOTHING] * 3]],
    )


def licences(rows: Sequence[Row]) -> Table:
    """The packages under each licence."""
    return Table(["licence", "packages"], [[row["licence"].replace("|", "\\|"), row["packages"]] for row in rows])


def soak(rows: Sequence[Row]) -> Table:
    """Memory, files and processes after the warm-up and at the end."""
    lines = []
    for row in rows:
        if row["part"] == "ppo":
            what = f"PPO, {row['minutes']:g} minutes, {row['steps']:,} steps"
        else:
            what = f"{row['items']:,} items, {row['hostile']:,} hostile, {row['unexpected']} unexpected verdicts, "
            what += f"{row['minutes']:g} minutes"
        cells = [f"{row[first]:g} → {row[last]:g}{unit}" for first, last, unit in MEASURED.values()]
        lines.append([what, *cells, "yes" if row["level"] else "**no**"])
    return Table(["what ran", *MEASURED, "level"], lines or [["not run yet", *[NOTHING] * 4]])
