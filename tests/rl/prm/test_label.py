import pytest

from rewards.models.prompts import Rendered
from rewards.parts.step_spans import Splitter
from rl.prm.complete import Completer
from rl.prm.label import agreement, by_monte_carlo, by_verifier, verified
from verifiers.runtime.verifier import Verifier

VERIFIER = Verifier("chain")
ROW = {"prompt": "2+3+4?", "gold": "9", "completion": "2+3=5;5+4=9#9"}


def labels(chain):
    return [(chain.completion[s.start : s.end], s.label) for s in chain.steps]


def test_the_verifier_labels_everything_after_a_mistake_wrong():
    rows = [ROW, {**ROW, "completion": "2+3=6;6+4=0#0"}]
    (right, wrong), counts = by_verifier(rows, VERIFIER, Splitter())
    assert labels(right) == [("2+3=5", 1.0), ("5+4=9", 1.0)] and right.right is True and right.answer == "9"
    assert labels(wrong) == [("2+3=6", 0.0), ("6+4=0", 0.0)] and wrong.right is False
    assert (counts.judged, counts.failed) == (2, 0)


def test_steps_of_a_separator_take_the_verdicts_that_end_in_them():
    verdict = VERIFIER([{**ROW, "prediction": ROW["completion"]}])[0]
    assert Splitter(separator=";")(ROW["completion"], verdict) == [(0, 5), (6, 13)]
    assert verified(verdict, [(0, 5), (6, 13)]) == [1.0, 1.0]
    assert Splitter(separator=";").prefix(ROW["completion"], 5) == "2+3=5;"


class Fixed(Completer):
    """A completer whose continuations are written down, to work labels out by hand."""

    def _draw(self, prefixes, count, progress):
        self.asked = [prefix.text for prefix in prefixes]
        written = {"2+3+4?2+3=5": ["#9", ";5+4=9#9", "#5", "#5"], "2+3+4?2+3=6": ["#9", "#1", "#1", "#1"]}
        return {prefix: written.get(prefix.text, ["#9"] * 4)[:count] for prefix in prefixes}


def fixed(warm):
    return Fixed(*warm, identity="fixed", max_tokens=8)


def test_a_monte_carlo_label_is_the_share_of_continuations_that_are_right(warm):
    completer = fixed(warm)
    rows = [ROW, {**ROW, "completion": "2+3=6;6+4=0#0"}, {**ROW, "completion": "2+3=5#5"}]
    chains, _ = by_monte_carlo(rows, VERIFIER, Splitter(), completer, 4)
    assert [step.label for step in chains[0].steps] == [0.5, 1.0]
    assert chains[1].steps[0].label == 0.25 and chains[1].verified == (0.0, 0.0)
    # what jumps to the answer ends the completion: nothing to continue, and the answer is wrong
    assert labels(chains[2]) == [("2+3=5", 0.5), ("#5", 0.0)]
    assert completer.asked.count("2+3+4?2+3=5") == 1  # shared by two chains, drawn once


def test_hard_labels_lie_above_the_threshold(warm):
    rows = [{**ROW, "completion": "2+3=6;6+4=0#0"}]
    for threshold, label in ((0.0, 1.0), (0.25, 0.0)):
        ((chain,), _) = by_monte_carlo(rows, VERIFIER, Splitter(), fixed(warm), 4, kind="hard", threshold=threshold)
        assert chain.steps[0].label == label


def test_agreement_tells_mistakes_that_can_be_recovered_from(warm):
    rows = [ROW, {**ROW, "completion": "2+3=6;6+4=0#0"}]
    chains, _ = by_monte_carlo(rows, VERIFIER, Splitter(), fixed(warm), 4)
    # right steps .5 and 1; wrong ones .25 and 1 (the continuations of "…6+4=0" are all "#9")
    assert agreement(chains)["agree"] == 0.5 and agreement(chains)["first_wrong_caught"] == 0.0
    assert agreement(chains, 0.3) == pytest.approx(
        {"n": 4, "threshold": 0.3, "agree": 0.75, "right_kept": 1.0, "wrong_caught": 0.5,
         "first_wrong_caught": 1.0, "auc": 2.5 / 4}
    )  # fmt: skip


def test_continuations_come_from_the_policy_and_are_kept(warm, tmp_path):
    model, tokenizer = warm
    first = Completer(model, tokenizer, "warm", max_tokens=8, cache=tmp_path)
    two, four = Rendered("2+3?"), Rendered("4-1?")
    drawn = first([two, two, four], 3)
    assert first.drawn == 6 and {len(texts) for texts in drawn.values()} == {3}
    assert all("?" not in text[:1] for texts in drawn.values() for text in texts)
    again = Completer(model, tokenizer, "warm", max_tokens=8, cache=tmp_path)
    assert again([four, two], 3) == drawn and again.drawn == 0
    other = Completer(model, tokenizer, "another", max_tokens=8, cache=tmp_path)
    other([four], 3)
    assert other.drawn == 3
