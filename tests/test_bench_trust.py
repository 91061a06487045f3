"""The benches of trust: what counts as level in a soak, and what an audit has to explain."""

import os
import subprocess
import sys

import pytest

from tests.rl.conftest import SMALL


def looks(soak, memory, files=lambda at: 10, processes=lambda at: 3, count=30, seconds=300.0):
    step = seconds / count
    return [soak.Look(n * step, memory(n * step), files(n * step), processes(n * step)) for n in range(count)]


def test_what_grows_only_in_the_warm_up_is_level(bench):
    soak = bench("soak")
    row = soak.judged(looks(soak, lambda at: min(1 + at / 100, 2.0)), 300.0)  # the warm-up is 100 of 300 s
    assert row["level"] and (row["memory_gib"], row["memory_gib_at_end"], row["peak_gib"]) == (2.0, 2.0, 2.0)
    assert (row["files"], row["files_at_end"], row["processes"], row["processes_at_end"]) == (10, 10, 3, 3)


@pytest.mark.parametrize(
    "grows",
    [{"memory": lambda at: 1 + at / 1000}, {"files": lambda at: int(at)}, {"processes": lambda at: 3 + (at > 250)}],
    ids=["memory", "files", "processes"],
)
def test_what_goes_on_growing_is_not_level(bench, grows):
    soak = bench("soak")
    assert not soak.judged(looks(soak, **{"memory": lambda at: 1.0, **grows}), 300.0)["level"]


def test_a_look_counts_a_process_and_what_it_started(bench):
    soak = bench("soak")
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    parent = subprocess.Popen([sys.executable, "-c", f"print(flush=True); {code}"], stdin=-1, stdout=-1)
    try:
        parent.stdout.readline()
        while (seen := soak.look(parent.pid, 1.0)).processes < 2:
            assert parent.poll() is None
    finally:
        parent.stdin.close()
        parent.wait()
    assert seen.at == 1.0 and seen.files >= 6 and seen.memory > soak.look(os.getpid(), 0.0).memory * 0.001


@pytest.mark.slow
def test_hostile_items_change_no_verdict_of_others(bench):
    row = bench("soak").pool(2000)
    assert (row["items"], row["hostile"], row["unexpected"]) == (2000, 20, 0)


@pytest.mark.slow
def test_a_run_is_looked_at_and_ended_in_order(bench):
    small = {**SMALL, "trainer.save_steps": 8, "evaluation.every": 8}
    del small["trainer.max_steps"]
    row = bench("soak").ppo(0.2, [f"{key}={value}" for key, value in small.items()])
    assert row["steps"] > 0 and row["exit"] == 1 and row["checkpoints"] > 0 and row["looks"] >= 5


def test_a_vulnerability_without_an_explanation_is_told_apart(bench, monkeypatch):
    supply = bench("supply")
    monkeypatch.setattr(supply, "EXPLAINED", {"CVE-1": "nothing here calls it"})
    found = [
        {"name": "a", "version": "1.0", "vulns": []},
        {"name": "b", "version": "2.0", "vulns": [
            {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": []},
            {"id": "PYSEC-2", "aliases": [], "fix_versions": ["2.1", "3.0"]},
        ]},
    ]  # fmt: skip
    assert [tuple(row.values()) for row in supply.audited(found)] == [
        ("b 2.0", "PYSEC-1", "none", "nothing here calls it"),
        ("b 2.0", "PYSEC-2", "2.1, 3.0", ""),
    ]
    with pytest.raises(supply.Failed, match=r"could not ask about 1 of 2 packages, such as c \(not there\)"):
        supply.audited([found[0], {"name": "c", "skip_reason": "not there"}])
    rows = [{"part": "audit", "name": row["id"], **row} for row in supply.audited(found)]
    rows.append({"part": "audit", "name": "all", "packages": 2, "vulnerabilities": 2})
    table = bench("tables_supply").vulnerabilities(rows)
    assert [line[3] for line in table.rows] == ["nothing here calls it", "**not explained**", ""]


def test_a_command_that_fails_says_what_it_printed(bench):
    supply = bench("supply")
    with pytest.raises(supply.Failed, match="no such thing"):
        supply.ran(sys.executable, "-c", "import sys; sys.exit('no such thing')")
    assert supply.ran(sys.executable, "-c", "import sys; print(1); sys.exit(1)", fails=True) == "1\n"


def test_the_quickstart_is_copied_with_all_that_it_includes(bench, tmp_path):
    bench("supply")._copy_with_includes("quickstart.yaml", tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["grpo.yaml", "ppo.yaml", "quickstart.yaml"]


def test_the_rates_of_two_ways_are_taken_in_turns_without_the_first(bench):
    drawing, order = bench("drawing"), []

    def way(name, made):
        def draws():
            order.append(name)
            return made

        return draws

    rates = drawing.in_turns([way("ours", 100), way("plain", 50)], 2)
    assert order == ["ours", "plain"] * 3 and [len(of) for of in rates] == [2, 2]
