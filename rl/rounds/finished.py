"""What finished rounds leave in the run folder: each one's policy, which is either complete or absent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from rl.rounds.records import FitFolder
from rl.storage.checkpoint_folders import MANIFEST, problem, seal
from rl.storage.run_folder import RunFolder, sync, write_atomically

RECORD = "round.json"
"""The file with the number of optimizer steps of all rounds up to this one."""


class FinishedRounds:
    """The policies of finished rounds, `rounds/round_000`, `rounds/round_001` and so on.

    Args:
        folder: the run folder.
        warn: called with a message if a policy is damaged.
    """

    def __init__(self, folder: RunFolder, warn: Callable[[str], None]) -> None:
        self.folder, self.warn = folder, warn

    def policy(self, number: int) -> Path:
        """The folder of a round's policy."""
        return self.folder.path / "rounds" / f"round_{number:03d}"

    def steps(self, number: int) -> int:
        """Number of optimizer steps of all rounds up to this one."""
        return json.loads((self.policy(number) / RECORD).read_text())["steps"]

    def count(self) -> int:
        """Number of finished rounds before the first one whose policy is missing or damaged."""
        done = 0
        while (saved := self.policy(done)).exists():
            if (what := problem(saved)) is not None:
                self.warn(f"{saved} is broken ({what}); the end of its fit is repeated")
                break
            done += 1
        return done

    def delete_later_checkpoints(self, number: int) -> None:
        """Delete the checkpoints of all fits after that of a round, because those rounds are repeated."""
        later = number + 1
        while (checkpoints := FitFolder(self.folder, later).checkpoints).exists():
            shutil.rmtree(checkpoints)
            later += 1

    def draft(self, number: int) -> Path:
        """The folder into which a round's policy is written before it is published."""
        return self.policy(number).with_name(f".{self.policy(number).name}")

    def publish(self, number: int, steps: int) -> None:
        """Make the draft of a round's policy the policy of that finished round, by a rename.

        Args:
            number: number of the round, from 0.
            steps: optimizer steps of all rounds up to this one.
        """
        draft, target = self.draft(number), self.policy(number)
        write_atomically(draft / RECORD, json.dumps({"steps": steps}) + "\n")
        seal(draft)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
        sync(target.parent)

    def export(self, number: int, target: Path) -> None:
        """Copy a round's policy, without the files that are about the round.

        Args:
            number: number of the round, from 0.
            target: the folder to copy into.
        """
        shutil.copytree(self.policy(number), target, dirs_exist_ok=True)
        for file in (RECORD, MANIFEST):
            target.joinpath(file).unlink()
