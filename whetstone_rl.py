"""Starts `whetstone`, once `rl`, `rewards` and `verifiers` are known to be Whetstone's own.

Other packages on PyPI have these names too, `verifiers` above all. This module bears the name of the distribution,
which no other package has, and it finds the three without importing them: a foreign package may take seconds to import,
fail, or only much later lack what is asked of it.
"""

from __future__ import annotations

import functools
import os
import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("rl", "rewards", "verifiers")
_COMMANDS = ("whetstone", "whetstone_rl", "-m")
"""What `sys.argv[0]` is while a command starts, without its ending; `-m` while Python looks for the module to run."""


class ForeignPackage(ImportError):
    """A package that Python finds under a name of Whetstone's belongs to another project, in whole or in part."""


@functools.cache
def check_packages() -> None:
    """Find out whether the three packages are those that came with this module; milliseconds, and nothing is imported.

    Raises:
        ForeignPackage: one of them is not. A command prints the line and exits with code 2 instead.
    """
    wrong = next((line for name in PACKAGES if (line := _wrong(name))), None)
    if wrong is None:
        return
    line = (
        f"{wrong}. Install Whetstone in a virtual environment of its own, where no other package has the names "
        f"{', '.join(PACKAGES)}, and take other folders with these names off PYTHONPATH"
    )
    if Path((sys.argv or [""])[0]).stem in _COMMANDS:
        print(f"whetstone: {line}", file=sys.stderr)
        sys.exit(2)
    raise ForeignPackage(line)


def main() -> None:
    """Entry point of `whetstone`."""
    check_packages()
    from rl.cli import main as command

    command()


def _wrong(name: str) -> str | None:
    """What is wrong with the package that Python finds under a name; None where it is ours."""
    ours = Path(__file__).parent / name
    spec = find_spec(name)
    found = [] if spec is None else list(spec.submodule_search_locations or [spec.origin or ""])
    if [os.path.realpath(place) for place in found] != [os.path.realpath(ours)]:
        return f"the package {name!r} that Python finds is not Whetstone's: {', '.join(found) or 'there is none'}"
    start = ours / "__init__.py"
    if not start.exists() or "whetstone" not in start.read_text(encoding="utf-8", errors="replace").lower():
        return f"the package {name!r} is mixed: another project's files were installed over Whetstone's in {ours}"
    for record in ours.parent.glob(f"{name}-*.dist-info/RECORD"):
        if f"\n{name}/" in "\n" + record.read_text(encoding="utf-8", errors="replace"):
            return f"the package {name!r} is mixed: {record.parent.name} is installed into the same folder, {ours}"
    return None


if __name__ == "__main__":
    main()
