"""The pool bounds each item, loses none, keeps order, and is each process's own."""

import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from verifiers.runtime.pool import CLOCK, Call, Pool, default_workers, shared

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
MODULE = "tests.verifiers.pool_calls"


@pytest.fixture(scope="module")
def pool():
    with Pool("verifiers.verdict", workers=2, memory=1.0) as pool:
        pool.run([call("say", "up")], 5.0)
        yield pool


def call(function, *arguments):
    return Call(MODULE, function, arguments)


def extracted(verdicts):
    return [verdict.extracted for verdict in verdicts]


def test_verdicts_come_in_the_order_of_the_calls(pool):
    calls = [call("say", str(n)) for n in range(200)]
    assert extracted(pool.run(calls, 5.0)) == [str(n) for n in range(200)]


@pytest.mark.parametrize("way", ["hang", "hang_in_c", "hang_deaf"])
def test_what_hangs_is_ended_at_its_deadline_and_the_rest_is_unharmed(pool, way):
    verdicts = pool.run([call("say", "a"), call(way), call("say", "b"), call("say", "c")], 0.5)
    assert extracted(verdicts) == ["a", None, "b", "c"]
    assert (verdicts[1].status, verdicts[1].score) == ("failed", None)
    assert verdicts[1].reason == "no verdict within 0.5 s of processor time"


def test_the_deadline_counts_from_the_items_own_start(pool):
    verdicts = pool.run([call("spend", 0.3)] * 6, 0.5)  # on two workers: each has used 0.6 s before its last item
    assert extracted(verdicts) == ["done"] * 6


def test_time_that_others_have_the_processor_is_not_counted(pool):
    assert extracted(pool.run([call("stand_by", 1.0)], 0.5)) == ["done"]


def test_what_waits_for_ever_is_ended_by_the_clock(pool, monkeypatch):
    monkeypatch.setattr("verifiers.runtime.pool.LEAST_CLOCK_S", 0.1)
    (verdict,) = pool.run([call("wait_for_ever")], 0.05)
    assert (verdict.status, verdict.reason) == ("failed", f"no verdict within {0.05 * CLOCK:g} s")


def test_a_busy_machine_gives_the_same_verdicts(pool):
    calls = [call("spend", 0.3), call("hang"), call("spend", 0.1), call("say", "a")]
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        verdicts = pool.run(calls, 0.6)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert extracted(verdicts) == ["done", None, "done", "a"]


def test_what_raises_is_failed_with_its_error(pool):
    (verdict,) = pool.run([call("break_down", "no such thing")], 5.0)
    assert (verdict.status, verdict.reason) == ("failed", "ValueError: no such thing")


def test_what_crashes_is_failed_after_a_second_try(pool):
    verdicts = pool.run([call("crash"), call("say", "x")], 5.0)
    assert verdicts[0].status == "failed" and f"signal {signal.SIGSEGV.value}" in verdicts[0].reason
    assert verdicts[1].extracted == "x"


def test_memory_is_limited(pool):
    verdicts = pool.run([call("fill", 4), call("fill", 0.01)], 5.0)
    assert (verdicts[0].status, verdicts[0].reason) == ("failed", "its worker process died twice: MemoryError")
    assert verdicts[1].status == "judged"


def test_a_worker_that_earlier_calls_have_filled_fails_no_call():
    with Pool(MODULE, workers=1, memory=1.5) as pool:
        assert {verdict.status for verdict in pool.run([call("leak", 0.3)] * 12, 5.0)} == {"judged"}


def test_no_work_is_lost_when_a_worker_is_killed_from_outside(pool, tmp_path):
    calls = [call("say", "a"), call("die_once", str(tmp_path / "once")), *(call("say", str(n)) for n in range(50))]
    assert extracted(pool.run(calls, 5.0)) == ["a", "lived", *(str(n) for n in range(50))]


def test_a_call_whose_worker_is_killed_each_time_is_failed(pool):
    verdicts = pool.run([call("die"), call("say", "x")], 5.0)
    assert verdicts[0].status == "failed" and "died twice" in verdicts[0].reason
    assert verdicts[1].extracted == "x"


def test_a_pool_whose_idle_workers_were_killed_works_again(pool):
    workers = {verdict.extracted for verdict in pool.run([call("pid")] * 20, 5.0)}
    for worker in workers:
        os.kill(int(worker), signal.SIGKILL)
    assert extracted(pool.run([call("say", "back")] * 3, 5.0)) == ["back"] * 3


def test_workers_are_replaced_after_so_many_items():
    with Pool("verifiers.verdict", workers=1, restart_after=5) as pool:
        workers = extracted(pool.run([call("pid")] * 15, 5.0))
    assert [len(set(workers[start : start + 5])) for start in (0, 5, 10)] == [1, 1, 1]
    assert len(set(workers)) == 3


def test_threads_share_a_pool(pool):
    with ThreadPoolExecutor(8) as threads:
        batches = list(threads.map(lambda n: pool.run([call("say", f"{n}-{k}") for k in range(20)], 5.0), range(8)))
    assert [extracted(batch) for batch in batches] == [[f"{n}-{k}" for k in range(20)] for n in range(8)]


def test_workers_hold_neither_torch_nor_the_callers_modules():
    pytest.importorskip("torch")
    (verdict,) = shared("verifiers.math").run([call("modules")], 5.0)
    assert verdict.extracted == "sympy"


def test_a_forked_child_makes_its_own_pool_and_leaves_the_parents_alone(pool):
    workers = {verdict.extracted for verdict in pool.run([call("pid")] * 20, 5.0)}
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answers = extracted(pool.run([call("say", "child"), call("pid")], 10.0))
            os.write(write, b"own" if answers[0] == "child" and answers[1] not in workers else b"shared")
            pool.close()
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as said:
        assert said.read() == b"own"
    os.waitpid(child, 0)
    assert all(alive(int(worker)) for worker in workers)
    assert extracted(pool.run([call("say", "parent")], 5.0)) == ["parent"]


SCRIPT = """
    import multiprocessing, sys
    print("main ran")
    from verifiers.runtime.verifier import Verifier
    def judge(n):
        return Verifier("math")([{"prediction": f"\\\\boxed{{x + {n}}}", "gold": f"{n}+x"}])[0].score
    print(judge(1))
"""
CHILDREN = """
    import multiprocessing
    from verifiers.runtime.pool import Call, Pool
    pool = Pool("verifiers.verdict", workers=1)
    def judge(n):
        return pool.run([Call("tests.verifiers.pool_calls", "say", (str(n),))], 5.0)[0].extracted
    if __name__ == "__main__":
        assert judge(1) == "1"
        for method in ("fork", "spawn", "forkserver"):
            context = multiprocessing.get_context(method)
            with context.Pool(2) as processes:  # daemonic: they may not have children of the ordinary kind
                print(method, *processes.map(judge, [2, 3]))
            child = context.Process(target=judge, args=(4,))
            child.start()
            child.join(20)
            print(method, child.exitcode)
"""


def run_script(path, text):
    path.write_text(textwrap.dedent(text))
    return subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=120, env=ENVIRONMENT)


def test_a_script_without_a_main_guard_runs_once(tmp_path):
    done = run_script(tmp_path / "script.py", SCRIPT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "main ran\n1.0\n", "")


def test_a_pool_works_inside_processes_of_every_start_method(tmp_path):
    done = run_script(tmp_path / "script.py", CHILDREN)
    expected = "".join(f"{method} 2 3\n{method} 0\n" for method in ("fork", "spawn", "forkserver"))
    assert (done.returncode, done.stdout) == (0, expected), done.stderr


def test_the_workers_end_with_their_process(tmp_path):
    text = """
        from verifiers.runtime.pool import Call, Pool
        pool = Pool("verifiers.verdict", workers=2)
        calls = [Call("tests.verifiers.pool_calls", "pid")] * 20
        print(*(verdict.extracted for verdict in pool.run(calls, 5.0)))
    """
    done = run_script(tmp_path / "script.py", text)
    assert done.returncode == 0, done.stderr
    workers = {int(worker) for worker in done.stdout.split()}
    assert workers
    assert not any(alive(worker) for worker in workers)


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_workers_are_shared_among_the_processes_of_a_machine(monkeypatch):
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    alone = default_workers()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(alone * 4))
    assert default_workers() == 1
    assert 1 <= alone <= 8


def test_limits_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="workers >= 1"):
        Pool("verifiers.verdict", workers=0)
