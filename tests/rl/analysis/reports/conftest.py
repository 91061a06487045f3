import json

import pytest

from rl.config import dump, load
from rl.storage import completions
from rl.storage.run_folder import RunFolder
from tests.rl.runs.test_plan import QUICKSTART

HOSTILE = '</code><script>alert("hi")</script><img src=x onerror=alert(1)> {{ 7*7 }} $\\frac{1}{2}$ 1+1=3&amp;"\''
"""What a model might write."""


def figures(greedy):
    """The figures of an evaluation on test, as in a summary."""
    interval = {"value": greedy, "low": max(0.0, greedy - 0.1), "high": min(1.0, greedy + 0.1)}
    named = dict.fromkeys(("greedy", "chain", "mean_at_k", "pass_at_k", "maj_at_k", "cut_off"), interval)
    counts = {"judged": 16, "abstained": 0, "failed": 0}
    return {"split": "test", "n": 16, "k": 2, **named, "counts": counts}


def answer(text, score, steps=()):
    """A greedy answer as evaluations record it."""
    return {
        "prompt": f"1+{HOSTILE}?", "gold": HOSTILE, "completion": text, "score": score, "status": "judged",
        "reason": HOSTILE, "extracted": None, "finish_reason": "stop", "chain": None, "steps": list(steps),
    }  # fmt: skip


def step(start, end, score, reason=""):
    return {"start": start, "end": end, "status": "judged", "score": score, "reason": reason}


def write_run(path, overrides, greedy=(0.2, 0.7), seed=0):
    """A finished run folder written by hand, in which a model has written what might be markup."""
    folder = RunFolder(path)
    folder.start(dump(load(QUICKSTART, [*overrides, f"name={folder.path.name}", f"seed={seed}"])))
    texts = (f"1+1=2;2+2=5#{HOSTILE}", "1+1=2;2+2=4#4")
    steps = ([step(0, 5, 1.0), step(6, 11, 0.0, f"2+2 is 4 {HOSTILE}")], [step(0, 5, 1.0), step(6, 11, 1.0)])
    for at, value in zip((0, 80), greedy, strict=True):
        examples = [answer(texts[at > 0], float(at > 0), steps[at > 0])]
        for split in ("test", "validation"):
            row = {"step": at, "seconds": 2.0, "tokens": 50, **figures(value), "split": split, "examples": examples}
            folder.append(folder.evaluations, row)
            folder.append(folder.metrics, {"step": at, f"eval/{split}/greedy": value})
    for at in range(8, 88, 8):
        times = {"time/sampling": 1.0, "time/judging": 0.5, "time/critic": 0.25, "step_time": 2.0}
        line = {"reward": at / 80, "rewards/correctness/mean": at / 80, "rewards/steps/mean": 0.5, "entropy": 0.3}
        folder.append(folder.metrics, {"step": at, **line, **times})
    for at, right in ((40, [True, False, None]), (80, [True, False, False])):
        rows = {
            "prompt": ["a?", f"b{HOSTILE}?", "c?"], "completion": [texts[1], texts[0], f"{at}"],
            "gold": ["1", HOSTILE, "2"], "right": right, "reason": ["", HOSTILE, "not 2"],
            "reward": [1.0, 0.0, 0.5], "rewards/correctness": [1.0, 0.0, None], "advantage": [0.5, -0.5, 0.0],
            "finish_reason": ["stop", "length", "stop"],
            "judged_steps": [json.dumps(list(steps[1])), json.dumps(list(steps[0])), "[]"],
        }  # fmt: skip
        completions.write(folder, at, rows)
    summary = {
        "name": folder.path.name, "algorithm": "ppo", "task": "chain", "seed": seed, "steps": 80, "wall_s": 200.0,
        "tokens_generated": 12345, "device": "a CPU", "versions": {"python": "3.11.2", "trl": "1.16.0"},
        "before": figures(greedy[0]), "after": figures(greedy[1]),
    }  # fmt: skip
    folder.summary.write_text(json.dumps(summary))
    return folder


@pytest.fixture
def hostile(small, tmp_path):
    """A finished run whose model writes markup."""
    return write_run(tmp_path / "quickstart", small)
