"""The tables of measured figures in the README and the docs, made from the rows in this folder.

    make tables      (python bench/tables.py [--check] [FILE.md …])

A table is in a text between two comments, and the text between them is replaced:

    <!-- table NAME -->
    <!-- end of table -->

The names are those in `TABLES`. With `--check` nothing is written: the exit code is 1 if a table does not agree with
the rows.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

import tables_results
import tables_supply
from diagnosed import diagnostics_table, faults_table, verdicts_table
from fault_table import of_faults
from feedback import feedback_table
from harness import ROOT, Row, Table, read
from real_table import TABLES as REAL
from steered import rewards_table
from tables_papers import PAPERS, of_recipe
from tables_verifiers import verifiers

BENCH = Path(__file__).parent


def rows_of(name: str, **where: str) -> list[Row]:
    """The rows of a file in this folder, or those of them that have a value in a column."""
    return [row for row in read(BENCH / f"{name}.json") if where.items() <= row.items()]


TABLES: dict[str, Callable[[], Table]] = {
    "quickstart": lambda: tables_results.quickstart(rows_of("quickstart")),
    "learning": lambda: tables_results.learning(rows_of("learning")),
    "at_a_glance": lambda: tables_results.at_a_glance(rows_of("learning")),
    "beside_trl": lambda: tables_results.beside_trl(rows_of("results")),
    "stages": lambda: tables_results.stages(rows_of("stages")),
    "speedrun": lambda: tables_results.speedrun(rows_of("speedrun")),
    "floor": lambda: tables_results.floor(rows_of("floor")),
    "reward_alone_chain": lambda: tables_results.reward_alone(rows_of("reward_alone", task="chain")),
    "reward_alone_facts": lambda: tables_results.reward_alone(rows_of("reward_alone", task="facts")),
    **{f"paper_{name}": lambda name=name: of_recipe(name, rows_of("papers", recipe=name)) for name in PAPERS},
    "sipf_feedback": lambda: feedback_table(rows_of("papers", recipe="sipf")),
    "mario_rewards": lambda: rewards_table(rows_of("papers", recipe="mario")),
    **{f"real_{name}": lambda name=name: REAL[name](rows_of("real", rung=name)) for name in REAL},
    "prm": lambda: tables_results.prm(rows_of("prm")),
    "diagnostics": lambda: diagnostics_table(rows_of("diagnostics")),
    "diagnosed_faults": lambda: faults_table(rows_of("diagnosed_faults")),
    "overhead": lambda: tables_results.overhead(rows_of("overhead")),
    "faults": lambda: of_faults(rows_of("faults")),
    "soak": lambda: tables_supply.soak(rows_of("soak")),
    "supply_pythons": lambda: tables_supply.pythons(rows_of("supply", part="python")),
    "supply_audit": lambda: tables_supply.vulnerabilities(rows_of("supply", part="audit")),
    "supply_licences": lambda: tables_supply.licences(rows_of("supply", part="licences")),
    "preflight": lambda: verdicts_table(rows_of("preflight")),
    "verifiers": lambda: verifiers(*map(rows_of, ("verify_math", "verify_steps", "verify_code"))),
}

_PLACE = re.compile(r"(<!-- table (\w+) -->\n)(.*?)(<!-- end of table -->)", re.DOTALL)


def filled(text: str) -> str:
    """A text with its tables as the rows have them.

    Raises:
        KeyError: it names a table that is not in `TABLES`.
    """
    return _PLACE.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]().markdown()}\n\n{found[4]}", text)


def main() -> None:
    """Fill the texts, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=[ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a table does not agree")
    given = parser.parse_args()
    stale = []
    for file in given.files:
        text = file.read_text(encoding="utf-8")
        if (new := filled(text)) != text:
            stale.append(file.name)
            if not given.check:
                file.write_text(new, encoding="utf-8")
    if stale and given.check:
        sys.exit(f"tables in {', '.join(stale)} do not agree with the rows in bench/; run make tables")
    print(f"written: {', '.join(stale) or 'nothing, all tables agree'}")


if __name__ == "__main__":
    main()
