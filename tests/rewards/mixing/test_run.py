"""Running one reward on a batch: its arguments, its errors and its time limit."""

import contextvars
import math
import os
import signal
import sys
import threading
import warnings
from types import SimpleNamespace

import pytest
import torch

from rewards.mixing.mix import Mix
from rewards.mixing.run import Runner, hold_to_budget, within_bounds
from rewards.mixing.time_limit import OutOfTime, Running, bounded
from rewards.reward import Reward, RewardBroken, Scores
from verifiers import Step
from verifiers.execution.sandbox.outcome import SandboxUnavailable

STEPS = (Step(0, 1, "judged", 1.0),)


class Calls(Reward):
    """A reward that calls a given function with its arguments."""

    name = "calls"

    def __init__(self, call):
        self.call = call

    def score(self, prompts, completions, completion_ids, **columns):
        return self.call(prompts, completions, completion_ids, **columns)


def run(call, count=2, **columns):
    prompts = [f"p{row}" for row in range(count)]
    return Runner(5.0).run(Calls(call), prompts, ["x"] * count, [[1, 2]] * count, columns)


def test_it_is_given_the_batch():
    seen = []

    def call(*given, **columns):
        seen.append((given, columns))
        return Scores([1.0, 2.0])

    state = object()
    assert run(call, gold=["a", "b"], trainer_state=state).values == [1.0, 2.0]
    ((given, columns),) = seen
    assert given == (["p0", "p1"], ["x", "x"], [[1, 2], [1, 2]])
    assert columns == {"gold": ["a", "b"], "trainer_state": state}


def test_what_it_changes_is_its_own_however_deep():
    gold = [[{"a": [1]}], "b"]
    ids, chats = [[1, 2]], [[{"role": "user", "content": "x"}]]

    def spoils(prompts, completions, completion_ids, gold, **columns):
        gold[0][0]["a"].append(2)
        completion_ids[0].append(3)
        prompts[0][0]["content"] = "y"
        return Scores([1.0])

    Runner(5.0).run(Calls(spoils), chats, ["x"], ids, {"gold": gold})
    assert (gold, ids, chats) == ([[{"a": [1]}], "b"], [[1, 2]], [[{"role": "user", "content": "x"}]])


def test_it_is_tried_twice_and_its_last_error_is_that_of_every_row():
    errors = [ValueError("first"), RuntimeError("oh")]

    def fails(*given):
        raise errors.pop(0)

    assert run(fails).failures == {0: "RuntimeError: oh", 1: "RuntimeError: oh"} and not errors
    assert run(lambda *given: Scores([1.0])).failures[1] == "ValueError: 1 values for 2 completions"


def test_a_sandbox_that_is_not_there_is_no_failure_of_the_reward():
    def needs(*given):
        raise SandboxUnavailable("none here")

    with pytest.raises(SandboxUnavailable):
        run(needs)


def test_an_alarm_in_a_thread_is_explained():
    said = run(lambda *given: signal.signal(signal.SIGALRM, signal.SIG_DFL), 1).failures[0]
    assert said.startswith("ValueError: signal only works in main thread")
    assert said.endswith(" (rewards run in threads of their own: remove signal.alarm and use mix.timeout instead)")


def test_a_row_that_is_out_of_bounds_loses_its_steps_and_tokens_and_the_others_keep_theirs():
    given = Scores([1.0, math.nan, None, 2e18], [STEPS] * 4, {"seen": [1, 2, 3, 4]}, {2: "oh"})
    scores = within_bounds(given)
    assert scores.values == [1.0, None, None, None] and scores.steps == [STEPS, (), STEPS, ()]
    assert scores.failures == {
        2: "oh", 1: "the value is nan", 3: "the value is 2e+18; the largest allowed value is 1e+18"
    }  # fmt: skip
    tokens = within_bounds(Scores([1.0, math.inf], tokens=[(0.5, 0.5), (math.inf,)])).tokens
    assert tokens == [(0.5, 0.5), ()]
    assert scores.columns == given.columns and within_bounds(Scores([1.0, None])) == Scores([1.0, None])


def test_past_its_budget_it_stops_the_run_with_what_there_is_to_know():
    broken = Scores([None, 1.0, 1.0, 1.0], failures={0: "oh"})
    hold_to_budget(Calls(None), broken, ["p"] * 4, 0.25)
    with pytest.raises(RewardBroken) as stopped:
        hold_to_budget(Calls(None), broken, ["p" * 300] * 4, 0.2)
    assert str(stopped.value) == (
        "reward 'calls' failed on 1 of 4 completions, more than mix.error_budget allows (20%); the first: oh; on the "
        f"prompt: {'p' * 200!r}"
    )


def test_a_call_runs_in_a_thread_that_does_not_keep_the_process_alive():
    here = contextvars.ContextVar("here")
    here.set("inherited")
    thread = bounded(threading.current_thread, 5.0)
    assert thread is not threading.current_thread() and (thread.daemon, thread.name) == (True, "reward")
    assert bounded(here.get, 5.0) == "inherited"


def test_what_a_call_raises_is_raised_here():
    error = KeyError("k")

    def raises():
        raise error

    with pytest.raises(KeyError) as raised:
        bounded(raises, 5.0)
    assert raised.value is error
    with pytest.raises(RuntimeError, match=r"it called sys.exit\(3\)") as left:
        bounded(lambda: sys.exit(3), 5.0)
    assert isinstance(left.value.__cause__, SystemExit)
    forever = threading.Event()
    with pytest.raises(OutOfTime, match=r"no answer within 0.1 s"):
        bounded(forever.wait, 0.1)
    forever.set()


@pytest.mark.parametrize("initialised", [True, False])
def test_a_call_runs_on_this_processs_gpu(monkeypatch, initialised):
    chosen = []
    cuda = SimpleNamespace(is_initialized=lambda: initialised, current_device=lambda: 3, set_device=chosen.append)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert bounded(lambda: 1, 5.0) == 1 and chosen == ([3] if initialised else [])


def test_a_reward_that_may_take_as_long_as_the_mix_is_refused():
    slow = Calls(None)
    slow.batch_timeout = 30.0
    with pytest.raises(
        ValueError, match=r"timeout: 30 s is no more than the batch_timeout of 'calls', 30 s, so the mix"
    ):
        Mix([slow], {"calls": 1.0}, timeout=30.0)
    Mix([slow], {"calls": 1.0}, timeout=30.1)


def test_a_reward_that_changes_the_current_folder_leaves_the_run_in_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*given, **columns):
        os.chdir("/")
        return Scores([1.0, 2.0])

    assert run(call).values == [1.0, 2.0] and os.getcwd() == str(tmp_path)


def test_a_reward_that_changes_the_process_leaves_the_run_as_it_was():
    def call(*given, **columns):
        torch.manual_seed(0)  # with which every batch would be drawn alike
        torch.set_default_dtype(torch.float64)
        warnings.simplefilter("error")
        return Scores([1.0, 2.0])

    torch.manual_seed(1)
    expected, filters = torch.rand(3), warnings.filters[:]
    torch.manual_seed(1)
    assert run(call).values == [1.0, 2.0]
    assert torch.rand(3).equal(expected)
    assert torch.get_default_dtype() == torch.float32 and warnings.filters == filters


def test_beside_a_draw_random_numbers_are_left_alone():
    drawn = []

    def call(*given, **columns):
        drawn.append(torch.rand(1))  # as the policy draws meanwhile
        return Scores([1.0, 2.0])

    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    Running(lambda: run(call)).result()
    assert torch.cat([*drawn, torch.rand(1)]).equal(expected)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit("x"), BaseExceptionGroup("many", [SystemExit()])])
def test_an_exception_that_would_end_the_run_is_a_failure_of_the_reward(error):
    def call(*given, **columns):
        raise error

    failures = run(call).failures
    assert len(failures) == 2 and f"it raised {type(error).__name__}" in failures[0]
