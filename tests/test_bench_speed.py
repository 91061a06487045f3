"""The benches of speed: what they count, what they put side by side, and that a failure is told."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from trl.trainer.grpo_config import GRPOConfig

from tests.rl.conftest import SMALL

ROOT = Path(__file__).parents[1]
BENCH = ROOT / "bench"
SMALL_RUN = [f"{key}={value}" for key, value in SMALL.items() if key.startswith(("task", "policy", "evaluation"))]


class Time:
    """A clock that is set by hand: the processor's time is half of it."""

    def __init__(self, clock):
        self.clock, self.at = clock, 0.0

    def __call__(self):
        return self.clock(self.at, self.at / 2)


def test_the_watch_counts_evaluates_and_stops_at_the_goal(bench):
    watch = bench("watch")
    time, accuracies = Time(watch.Clock), iter([0.5, 0.95])

    def measure():
        time.at += 100.0  # an evaluation takes long, and does not count
        return next(accuracies)

    counted = watch.Watch(measure, goal=0.9, limit=10_000, every=200, now=time)
    stops = []
    for _ in range(4):
        time.at += 1.0
        stops.append(counted.learnt(128, 1000))
    assert stops == [False, False, False, True]
    assert counted.curve == [0.5, 0.95]  # after 256 and 512 completions, the first to pass 200 and 400
    assert (counted.completions, counted.tokens, counted.reached) == (512, 4000, True)
    assert (counted.seconds, counted.processor_seconds) == (4.0, 2.0)


def test_the_watch_stops_at_the_limit_without_the_goal(bench):
    watch = bench("watch").Watch(lambda: 0.1, goal=0.9, limit=300, every=100)
    assert [watch.learnt(100, 10) for _ in range(3)] == [False, False, True]
    assert watch.ended and not watch.reached


def test_ours_and_trl_run_until_the_limit_on_the_same_task(bench):
    speedrun = bench("speedrun")
    rows = {}
    for name in ("ours", "trl_our_settings"):
        rows[name] = speedrun.run(name, speedrun.CONTESTANTS[name], 0, 2.0, 128, SMALL_RUN)
    for row in rows.values():
        assert (row["completions"], row["reached"], len(row["curve"])) == (128, False, 1)
        assert 128 < row["tokens"] <= 128 * 32
    assert rows["ours"]["tokens"] == rows["trl_our_settings"]["tokens"]  # the first draw is that of the same policy


def test_a_trainer_that_returns_too_early_is_refused(bench):
    speedrun = bench("speedrun")
    lazy = speedrun.Contestant(lambda start, watch: watch.learnt(128, 1000))
    with pytest.raises(SystemExit, match="lazy returned after 128 completions"):
        speedrun.run("lazy", lazy, 0, 0.9, 640, SMALL_RUN)
    with pytest.raises(SystemExit, match="--add: no file"):
        speedrun.added(["no_such_file.py:train"])


@pytest.mark.slow
def test_the_trainer_of_the_guide_runs(tmp_path):
    text = (ROOT / "docs" / "guides" / "speedrun.md").read_text(encoding="utf-8")
    code = re.search(r"```python title=\"my_trainer.py\"\n(.*?)```", text, re.DOTALL)[1]
    (tmp_path / "my_trainer.py").write_text(code, encoding="utf-8")
    given = ["--add", "my_trainer.py:reinforce", "--seeds", "0", "--goal", "0", "--limit", "256", *SMALL_RUN]
    done = subprocess.run(
        [sys.executable, BENCH / "speedrun.py", *given], check=True, cwd=tmp_path, capture_output=True, text=True
    )
    assert "reinforce, seed 0: reached after 256 completions" in done.stdout


def run_of(trainer, seed, completions, seconds, processor_seconds=None, reached=True):
    processor_seconds = seconds if processor_seconds is None else processor_seconds
    row = {"trainer": trainer, "seed": seed, "completions": completions, "tokens": 10 * completions, "reached": reached}
    return {**row, "seconds": seconds, "processor_seconds": processor_seconds}


def every_run(**changed):
    runs = {
        "ours": (1000, 10.0), "trl_5e-5": (9000, 90.0), "trl_1e-4": (6000, 70.0), "trl_3e-4": (7000, 60.0),
        "trl_our_settings": (3000, 40.0), "trl_our_settings_and_rewards": (2000, 50.0), **changed,
    }  # fmt: skip
    return [run_of(name, seed, *figures) for name, figures in runs.items() for seed in (0, 1)]


def test_trl_is_put_beside_ours_at_its_best(bench):
    speed = bench("speed")
    samples = speed.to_accuracy("samples_to_accuracy", every_run())
    assert (samples["ours"], samples["peer"], samples["peer_our_settings"]) == (1000, 6000, 2000)
    assert (samples["ratio"], samples["ratio_our_settings"], samples["seeds"]) == (6.0, 2.0, [0, 1])
    time = speed.to_accuracy("time_to_accuracy", every_run())
    assert (time["ratio"], time["ratio_our_settings"]) == (6.0, 4.0)  # the best rate by time is another one


def test_seconds_of_a_busy_machine_are_no_result(bench):
    speed, runs = bench("speed"), every_run(ours=(1000, 20.0, 10.0))
    with pytest.raises(speed.NotMeasured, match="busy machine"):
        speed.to_accuracy("time_to_accuracy", runs)
    assert speed.to_accuracy("samples_to_accuracy", runs)["ratio"] == 6.0
    with pytest.raises(speed.NotMeasured, match="lacks runs of trl_3e-4"):
        speed.to_accuracy("samples_to_accuracy", [run for run in runs if run["trainer"] != "trl_3e-4"])
    cells = {row[0]: row[1:] for row in bench("tables_results").speedrun(runs).rows}
    assert cells["Whetstone: GRPO, step credit"][-2:] == ["10.0 (10.0 to 10.0)", "–"]
    assert cells["plain TRL, our settings"][-1] == "40.0 (40.0 to 40.0)"


def test_a_ratio_above_one_is_in_our_favour(bench):
    result = bench("speed").result
    seconds = result("name", "s", [0], 2.0, 5.0, 3.0)
    assert (seconds["ratio"], seconds["ratio_our_settings"]) == (2.5, 1.5)
    rate = result("name", "verdicts a second", [], 50.0, 20.0, peer_version="other 1.0", more_is_better=True)
    assert (rate["ratio"], rate["peer_version"]) == (2.5, "other 1.0")
    alone = result("name", "s", [0], 2.0)
    assert not {"peer", "ratio", "peer_version"} & set(alone)


def test_every_row_of_the_bench_has_its_label(bench):
    assert set(bench("tables_results").COMPARED) == set(bench("speed").NAMES)


def test_trl_as_it_comes_decides_by_itself(bench, tmp_path):
    trainers = bench("trainers")
    given = {"output_dir": str(tmp_path), "use_cpu": True, "gradient_checkpointing": False, "bf16": False}
    came = GRPOConfig(**trainers.left_to_trl({**given, "learning_rate": 1e-4}))
    # TRL's own defaults; docs/results.md names them
    assert (came.gradient_checkpointing, came.bf16, came.learning_rate) == (True, True, 1e-4)


def test_the_made_up_reward_gives_nearly_every_group_signal(bench):
    made = bench("made")
    assert made.coin(["?"] * 3, ["a", "b", "c"], [[1, 2], [2], []]) == [1.0, 0.0, 0.0]


def test_made_up_problems_are_right_and_all_different(bench, tmp_path):
    lines = bench("made").problems(tmp_path / "problems.jsonl", 20).read_text(encoding="utf-8").splitlines()
    assert len(set(lines)) == 20
    for line in map(json.loads, lines):
        has, boxes, more = map(int, re.findall(r"\d+", line["question"]))
        assert line["answer"] == str(has + boxes * more)


def test_utilisation_is_the_mean_of_what_nvidia_smi_prints(bench):
    mean_of = bench("usage").mean_of
    assert mean_of("90\n50\n[N/A]\n") == pytest.approx(0.7)
    assert mean_of("") is None


def test_a_part_that_fails_keeps_no_other_from_running(bench, tmp_path, capsys):
    gpu, harness = bench("gpu"), bench("harness")

    def fails():
        raise RuntimeError("CUDA out of memory")

    parts = gpu.Parts(tmp_path / "rows.json")
    parts.add("steps", "ours_ppo", fails)
    parts.add("steps", "ours_grpo", lambda: {"peak_gib": 1.5})
    assert parts.failed == ["steps ours_ppo: CUDA out of memory"]
    assert harness.read(tmp_path / "rows.json") == [{"part": "steps", "name": "ours_grpo", "peak_gib": 1.5}]
    assert "FAILED steps ours_ppo: CUDA out of memory" in capsys.readouterr().out


def test_no_part_begins_after_the_deadline(bench):
    gpu = bench("gpu")
    assert gpu.Deadline(minutes=1).left(10) == 10
    with pytest.raises(RuntimeError, match="no time was left"):
        gpu.Deadline(minutes=-1).left(10)


def test_a_process_that_fails_or_takes_too_long_is_told(bench, tmp_path, monkeypatch):
    usage, script = bench("usage"), tmp_path / "script.py"
    monkeypatch.setattr(usage, "__file__", str(script))
    script.write_text("import sys; sys.exit('CUDA out of memory')", encoding="utf-8")
    with pytest.raises(RuntimeError, match="CUDA out of memory"):
        usage.of_process("ours_grpo", tmp_path / "any.yaml")
    script.write_text("import time; time.sleep(60)", encoding="utf-8")
    with pytest.raises(RuntimeError, match="not done after 0 s"):
        usage.of_process("ours_grpo", tmp_path / "any.yaml", timeout=0)
    script.write_text("""print('a line before'); print('{"trainer": "ours_grpo"}')""", encoding="utf-8")
    assert usage.of_process("ours_grpo", tmp_path / "any.yaml") == {"trainer": "ours_grpo"}


def test_a_command_is_asked_to_stop_when_its_time_is_over(bench):
    until = bench("gpu").until
    assert until(["sleep", "60"], 0.0)[0] == -signal.SIGTERM
    assert until(["echo", "done"], 60.0) == (0, "done\n")
