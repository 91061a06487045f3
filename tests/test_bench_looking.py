"""The benches of what looks at a run: what counts towards its overhead, and the runs of diagnostics and preflight."""

import random
import threading

import pytest

from rl.config import ReasoningGymTask, load
from rl.policy.warm_start import build_tokenizer


class Clock:
    """A clock that stands still but for `pass_on`."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def pass_on(self, seconds):
        self.now += seconds


class Owner:
    """A loop of two steps, which looks, evaluates, and is looked at from elsewhere."""

    def __init__(self, clock):
        self.clock = clock

    def loop(self):
        for _ in range(2):
            self.clock.pass_on(10)
            self.log()
            self.evaluate()

    def log(self):
        self.clock.pass_on(1)
        self.track()

    def track(self):
        self.clock.pass_on(0.5)

    def evaluate(self):
        self.clock.pass_on(100)
        self.log()


@pytest.fixture
def tally(bench):
    overhead, clock = bench("overhead"), Clock()
    tally = overhead.Tally(clock)
    owner = Owner(clock)
    parts = {"log": "records", "track": "trackers", "evaluate": "evaluations", "loop": overhead.LOOP}
    for method, part in parts.items():
        tally.time(owner, method, part)
    return tally, owner


def test_each_part_counts_without_the_others_that_it_calls(tally):
    tally, owner = tally
    owner.log()  # outside of the loop
    assert not tally.seconds
    owner.loop()
    # evaluations count with all that they call
    assert tally.seconds == {"steps": 20, "records": 2, "trackers": 1, "evaluations": 203}


def test_another_thread_counts_beside_the_loop(tally):
    tally, owner = tally
    inner = owner.clock.pass_on

    def meanwhile(seconds):
        if seconds == 10:
            thread = threading.Thread(target=owner.track)
            thread.start()
            thread.join()
        inner(seconds)

    owner.clock.pass_on = meanwhile
    owner.loop()
    assert tally.seconds["trackers"] == 2 * (0.5 + 0.5)


def test_shares_are_of_steps_without_evaluations(bench):
    overhead = bench("overhead")
    row = overhead.shares(overhead.Counter(steps=97, records=2, line=1, evaluations=300, checkpoints=10))
    assert (row["seconds"], row["records"], row["line"], row["trackers"], row["all"]) == (100, 0.02, 0.01, 0, 0.03)


def test_every_kind_of_run_has_a_config(bench, tmp_path):
    kinds = bench("diagnostic_kinds")
    assert len({kind.name for kind in kinds.KINDS}) == len(kinds.KINDS)
    for kind in kinds.KINDS:
        settings = kind.settings(1, str(tmp_path))
        config = load(f"configs/{kind.config}.yaml", [*settings, "policy.model=made"] if kind.gym else settings)
        assert config.task.name == ("reasoning_gym" if kind.gym else "facts" if "facts" in kind.name else "chain")


@pytest.mark.parametrize("name", ["sums", "spelling"])
def test_a_policy_for_reasoning_gym_is_shown_gold_answers_to_train_problems(bench, name):
    from rl.tasks import reasoning_gym

    start, kinds = bench("gym_start"), bench("diagnostic_kinds")
    section = ReasoningGymTask.model_validate(kinds.gym_task(name) | {"sizes": dict.fromkeys(kinds.SIZES, 40)})
    task = start.with_answers(reasoning_gym.build(section, 0))
    tokenizer = build_tokenizer(task.vocabulary)
    golds = {row["prompt"]: row["gold"] for row in task.splits["train"]}
    for seed in range(20):
        prompt, answer = task.demonstrate(random.Random(seed))
        assert answer in ("?", golds[prompt])
    for row in (row for rows in task.splits.values() for row in rows):
        text = row["prompt"] + row["gold"]
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text and tokenizer.unk_token_id not in ids
        assert len(ids) < 30  # what all questions share is one token
