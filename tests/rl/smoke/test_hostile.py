import pytest

from rewards.building.build import build
from rewards.parts.context import Context
from rl.smoke import hostile
from rl.smoke.hostile import HOSTILE, against_rewards, against_verifier
from verifiers import VERIFIERS, failed, judged
from verifiers.runtime.examples import EXAMPLES
from verifiers.runtime.verifier import Verifier

ROW = {"prompt": "2+2+7?", "gold": "1"}


@pytest.mark.parametrize("name", [name for name in VERIFIERS if name not in ("format", "code", "reasoning_gym")])
def test_no_hostile_answer_is_right_or_breaks_a_verifier(name):
    assert against_verifier({"prompt": "?", **EXAMPLES[name][0]}, Verifier(name)) == ([], [])


class Broken(Verifier):
    def __call__(self, rows):
        if any(len(row["prediction"]) > 100_000 for row in rows):
            return [self._guarded(lambda *_, **__: 1 / 0, row, {}) for row in rows]
        return super().__call__(rows)


def test_a_verifier_that_breaks_is_named_with_the_answer_and_the_reason():
    wrong, _ = against_verifier(ROW, Broken("chain"))
    assert len(wrong) == len(HOSTILE) and wrong[0].startswith("empty: the verifier failed (ZeroDivisionError")


def test_a_verifier_that_takes_anything_is_named(monkeypatch):
    verifier = Verifier("chain")
    monkeypatch.setattr(verifier, "_judge", lambda rows: [judged(1, "anything goes") for _ in rows])
    assert "nested boxes: counts as right (anything goes)" in against_verifier(ROW, verifier).wrong


def test_answers_that_hold_a_judge_up_are_a_fault(monkeypatch):
    monkeypatch.setattr(hostile, "SECONDS", -1.0)
    assert "they took" in against_verifier(ROW, Verifier("chain")).wrong[-1]


def test_a_verifier_that_is_stopped_at_its_deadline_is_told_and_is_no_fault(monkeypatch):
    verifier, mine = mix(correctness={})
    late = failed("no verdict within 10 s of processor time")
    monkeypatch.setattr(
        verifier, "_judge", lambda rows: [late if "!!!!" in r["prediction"] else judged(0) for r in rows]
    )
    assert against_verifier(ROW, verifier) == ([], ["a huge factorial"])
    assert against_rewards(ROW, verifier, mine) == ([], ["a huge factorial"])


def mix(**rewards):
    verifier = Verifier("chain")
    return verifier, build(rewards, Context(verifier, None, [ROW]))


def test_rewards_survive_the_hostile_answers():
    assert against_rewards(ROW, *mix(correctness={}, steps={"credit": "first_error"})) == ([], [])


def test_a_reward_that_breaks_or_is_not_finite_is_named():
    def brittle(completions, **_):
        return [1 / len(text) for text in completions]

    def one_of_them(completions, **_):
        return [float("nan") if text == "" else 0.0 for text in completions]

    assert "brittle" in against_rewards(ROW, *mix(brittle={"function": brittle})).wrong[0]
    assert against_rewards(ROW, *mix(mine={"function": one_of_them})).wrong == ["empty: mine failed"]
