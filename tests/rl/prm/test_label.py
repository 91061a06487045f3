import pytest

from rewards.models.prompts import Rendered
from rewards.parts.step_spans import Splitter
from rl.prm.complete import Completer, Prefix
from rl.prm.label import agreement, by_monte_carlo, by_verifier
from rl.prm.labelled import answer_of, unlabelled, verified, verified_labels
from verifiers.runtime.verifier import Verifier

VERIFIER = Verifier("chain")
RIGHT, WRONG = "2+3=5;5+4=9#9", "2+3=6;6+4=0#0"
ROW = {"prompt": "2+3+4?", "gold": "9", "completion": RIGHT}


def samples(*completions, **more):
    return [unlabelled({**ROW, "completion": completion, **more}) for completion in completions]


def labels(sample):
    return [(sample.text[s.start : s.end], s.score) for s in sample.labels]


def test_the_verifier_labels_everything_after_a_mistake_wrong():
    (right, wrong), counts = by_verifier(samples(RIGHT, WRONG), VERIFIER, Splitter())
    assert labels(right) == [("2+3=5", 1.0), ("5+4=9", 1.0)] and right.right is True and answer_of(right) == "9"
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
        self.asked = [prefix.prompt.text + prefix.beginning for prefix in prefixes]
        written = {"2+3+4?2+3=5": ["#9", ";5+4=9#9", "#5", "#5"], "2+3+4?2+3=6": ["#9", "#1", "#1", "#1"]}
        return {
            prefix: written.get(text, ["#9"] * 4)[:count] for prefix, text in zip(prefixes, self.asked, strict=True)
        }


def fixed(warm):
    return Fixed(*warm, identity="fixed", max_tokens=8)


def test_a_monte_carlo_label_is_the_share_of_continuations_that_are_right(warm):
    completer = fixed(warm)
    done, _ = by_monte_carlo(samples(RIGHT, WRONG, "2+3=5#5"), VERIFIER, Splitter(), completer, 4)
    assert [step.score for step in done[0].labels] == [0.5, 1.0]
    assert done[1].labels[0].score == 0.25 and verified_labels(done[1]) == [0.0, 0.0]
    # what jumps to the answer ends the completion: nothing to continue, and the answer is wrong
    assert labels(done[2]) == [("2+3=5", 0.5), ("#5", 0.0)]
    assert completer.asked.count("2+3+4?2+3=5") == 1  # shared by two completions, drawn once


def test_hard_labels_lie_above_the_threshold(warm):
    for threshold, label in ((0.0, 1.0), (0.25, 0.0)):
        ((sample,), _) = by_monte_carlo(
            samples(WRONG), VERIFIER, Splitter(), fixed(warm), 4, kind="hard", threshold=threshold
        )
        assert sample.labels[0].score == label


def test_agreement_tells_mistakes_that_can_be_recovered_from(warm):
    done, _ = by_monte_carlo(samples(RIGHT, WRONG), VERIFIER, Splitter(), fixed(warm), 4)
    # right steps .5 and 1; wrong ones .25 and 1 (the continuations of "…6+4=0" are all "#9")
    assert agreement(done)["agree"] == 0.5 and agreement(done)["first_wrong_caught"] == 0.0
    assert agreement(done, 0.3) == pytest.approx(
        {"n": 4, "threshold": 0.3, "agree": 0.75, "right_kept": 1.0, "wrong_caught": 0.5,
         "first_wrong_caught": 1.0, "auc": 2.5 / 4}
    )  # fmt: skip


def test_continuations_come_from_the_policy_and_are_kept(warm, tmp_path):
    model, tokenizer = warm
    first = Completer(model, tokenizer, "warm", max_tokens=8, cache=tmp_path)
    two, four = Prefix(Rendered("2+3?")), Prefix(Rendered("4-1?"))
    drawn = first([two, two, four], 3)
    assert first.drawn == 6 and {len(texts) for texts in drawn.values()} == {3}
    assert all("?" not in text[:1] for texts in drawn.values() for text in texts)
    again = Completer(model, tokenizer, "warm", max_tokens=8, cache=tmp_path)
    assert again([four, two], 3) == drawn and again.drawn == 0
    other = Completer(model, tokenizer, "another", max_tokens=8, cache=tmp_path)
    other([four], 3)
    assert other.drawn == 3
