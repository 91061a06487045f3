"""A run that kills itself with SIGKILL: python -m tests.rl.killed_run MOMENT CONFIG key=value …"""

import os
import signal
import sys

import torch
from trl.trainer.grpo_trainer import GRPOTrainer

from rl import config, training
from rl.runs import callbacks

GENERATE, SAVE, LOG = GRPOTrainer._generate, torch.save, callbacks.Records.on_log
seen = []


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def generate(self, *args, **kwargs):
    seen.append("draw")
    out = GENERATE(self, *args, **kwargs)
    if len(seen) == 8:
        die()  # drawn, and not yet used
    return out


def save(values, file, *args, **kwargs):
    SAVE(values, file, *args, **kwargs)
    if "checkpoint-8" in str(file) and "optimizer" in str(file):
        with open(file, "r+b") as half:
            half.truncate(os.path.getsize(file) // 2)
        die()


def log(self, args, state, control, **kwargs):
    if state.global_step == 6:
        die()  # between a step and its line in the metrics
    LOG(self, args, state, control, **kwargs)


if __name__ == "__main__":
    moment = sys.argv[1]
    if moment == "generation":
        GRPOTrainer._generate = generate
    elif moment == "checkpoint":
        torch.save = save
    elif moment == "between":
        callbacks.Records.on_log = log
    training.train(config.load(sys.argv[2], sys.argv[3:]))
