"""A run that keeps what it samples, or is given it: python -m tests.rl.replayed_run FILE CONFIG key=value …

Where FILE is not there, the completions of every draw are written to it, in the order of the whole batch. Where it is,
each process takes its share of them.
"""

import json
import sys
from pathlib import Path

from accelerate.utils import gather_object
from trl.trainer.grpo_trainer import GRPOTrainer

from rl import config, training

SAMPLE = GRPOTrainer._generate_single_turn


def replay(file):
    draws = iter([json.loads(line) for line in file.read_text().splitlines()])

    def given(self, prompt_ids, *args, **kwargs):
        draw, rank, size = next(draws), self.accelerator.process_index, len(prompt_ids)
        mine = slice(rank * size, (rank + 1) * size)
        assert draw["prompts"][mine] == prompt_ids
        return draw["completions"][mine], None

    return given


def record(file):
    def recorded(self, prompt_ids, *args, **kwargs):
        completions, logps = SAMPLE(self, prompt_ids, *args, **kwargs)
        draw = {"prompts": gather_object(prompt_ids), "completions": gather_object(completions)}
        with file.open("a") as out:
            out.write(json.dumps(draw) + "\n")
        return completions, logps

    return recorded


if __name__ == "__main__":
    recording = Path(sys.argv[1])
    GRPOTrainer._generate_single_turn = replay(recording) if recording.exists() else record(recording)
    training.train(config.load(sys.argv[2], sys.argv[3:]))
