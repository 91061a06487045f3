import copy

import pytest
from transformers import GPT2Config, GPT2LMHeadModel

from rewards.models.prompts import Rendered
from rewards.parts.step_spans import Splitter
from rl.errors import UserError
from rl.policy.warm_start import build_tokenizer
from rl.prm.complete import Completer, Prefix
from rl.prm.label import agreement, by_monte_carlo, by_verifier
from rl.prm.labelled import answer_of, unlabelled, verified, verified_labels
from rl.tasks import chain
from verifiers import Step, abstained, judged
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
    """A completer with given continuations, so that labels can be computed by hand."""

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


def test_a_completion_that_was_cut_off_is_continued_after_its_last_step(warm):
    completer = fixed(warm)
    (sample,), _ = by_monte_carlo(samples(WRONG[:5], finish_reason="length"), VERIFIER, Splitter(), completer, 4)
    assert completer.asked == ["2+3+4?2+3=6"] and sample.labels[0].score == 0.25
    completer.asked = []
    (sample,), _ = by_monte_carlo(samples(WRONG[:5]), VERIFIER, Splitter(), completer, 4)
    assert completer.asked == [] and sample.labels[0].score == 0.0  # it ended, without an answer


class Unsure(Verifier):
    """The verifier of `chain`, which cannot say where the answer is 1."""

    def __call__(self, rows):
        return [
            abstained("unsure") if row["prediction"].endswith("#1") else verdict
            for row, verdict in zip(rows, super().__call__(rows), strict=True)
        ]


def test_continuations_that_nobody_judged_leave_the_share(warm):
    (sample,), counts = by_monte_carlo(samples(WRONG), Unsure("chain"), Splitter(), fixed(warm), 4)
    # of "#9", "#1", "#1", "#1" the first alone is judged; those after the second step are all "#9"
    assert [step.score for step in sample.labels] == [1.0, 1.0]
    assert (counts.judged, counts.abstained, counts.failed) == (3, 1, 0)  # equal texts are judged once


def test_the_beginning_of_a_completion_is_tokenized_apart_from_its_prompt(warm):
    model, tokenizer = warm
    seen = []

    class Recording(Completer):
        def _draw(self, prefixes, count, progress):
            seen.extend(prefixes.values())
            return {prefix: ["#9"] * count for prefix in prefixes}

    class Merging:
        """A tokenizer that merges `?2`, as byte-pair encodings merge a prompt's end with a completion's start."""

        is_fast, chat_template, bos_token_id = True, None, None

        def __call__(self, text, **_):
            ids = tokenizer(text.replace("?2", "#"), add_special_tokens=False)["input_ids"]
            return {"input_ids": ids}

    completer = Recording(model, Merging(), identity="x", max_tokens=4)
    by_monte_carlo(samples(RIGHT), VERIFIER, Splitter(), completer, 1)
    prompt, begun = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("2+3+4?", "2+3=5"))
    assert seen[0] == prompt + begun


def test_a_template_and_stop_strings_reach_continuations(warm):
    model, tokenizer = warm[0], copy.deepcopy(warm[1])
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% if thinking %}+1{% endif %}?{% endfor %}"
    row = {**ROW, "prompt": [{"role": "user", "content": "2+3+4"}]}
    completer = Fixed(model, tokenizer, identity="fixed", max_tokens=8)
    by_monte_carlo([unlabelled(row)], VERIFIER, Splitter(), completer, 1, template_kwargs={"thinking": True})
    assert completer.asked == ["2+3+4+1?2+3=5", "2+3+4+1?2+3=5;5+4=9"]
    whole = Completer(model, tokenizer, "x", max_tokens=8)
    stopped = Completer(model, tokenizer, "x", max_tokens=8, parameters={"stop": ("=",)})
    prefix = Prefix(Rendered("2+3?"))
    drawn, cut = (of([prefix], 8)[prefix] for of in (whole, stopped))
    assert any(not text.endswith("=") for text in drawn if "=" in text)
    assert all(text.endswith("=") for text in cut if "=" in text)


def test_a_beginning_past_the_completers_positions_is_refused():
    model = GPT2LMHeadModel(GPT2Config(vocab_size=20, n_positions=14, n_embd=8, n_layer=1, n_head=2))
    task = chain.build((1, 2), {"train": 2, "validation": 1, "test": 1}, seed=0)
    completer = Completer(model, build_tokenizer(task.vocabulary), "x", max_tokens=4)
    with pytest.raises(
        UserError, match=r"--completer: .*'2\+3\+4\?' has 11 tokens, up to 4 more .* learnt 14 positions"
    ):
        by_monte_carlo(samples(RIGHT), VERIFIER, Splitter(), completer, 1)


def test_verified_by_hand():
    steps = (Step(0, 2, "judged", 1.0), Step(3, 5, "judged", 0.5), Step(6, 8, "judged", 1.0))
    verdict = judged(True, steps=steps)
    assert verified(verdict, [(0, 2), (3, 5), (6, 8)]) == [1.0, 0.0, 0.0]  # half right is not right
    assert verified(verdict, [(0, 5), (5, 8)]) == [0.0, 0.0]  # the worst of the steps that end there
    unknown = judged(True, steps=(steps[0], Step(3, 5, "abstained", None), Step(6, 8, "judged", 0.0)))
    assert verified(unknown, [(0, 2), (3, 5), (6, 8)]) == [1.0, None, None]
    assert verified(verdict, [(0, 2), (2, 3), (3, 5)]) == [1.0, None, None]  # no step ends in the second
    assert verified(None, [(0, 2)]) == [None]
