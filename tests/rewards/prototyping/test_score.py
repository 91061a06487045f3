"""Scoring saved completions, with expected values computed by hand."""

import functools
import math

import numpy as np
import pandas as pd
import pytest

import rewards
from rewards.parts.context import Context
from rewards.prototyping.marked import marked_text, pieces
from rewards.prototyping.score import made
from rewards.reward import Reward, Scores
from verifiers import Step
from verifiers.runtime.verifier import Verifier

PROMPT = "7*3-4?"
ANSWERS = ["7*3=1;1-4=7#7", "#7", "7*3=2;2-4=8#8", ""]


def half(prompts, completions, completion_ids, **columns):
    return [len(text) / 20 if text else None for text in completions]


def scored(**more):
    wanted = {"correctness": {"verifier": "chain"}, "half": half}
    return rewards.score([ANSWERS], wanted, prompts=[PROMPT], gold=["7"], **more)


def test_a_list_of_completions_is_a_group_of_its_prompt():
    frame = scored().frame
    assert list(frame["completion"]) == ANSWERS and set(frame["group"]) == {0}
    assert list(frame["correctness"]) == [1, 1, 0, 0] and list(frame["correctness.extracted"][:3]) == ["7", "7", "8"]


def test_an_abstention_is_named_and_left_out_of_agreement_correlation_and_mean():
    result = scored()
    assert list(result.frame["abstained"]) == ["", "", "", "half"] and list(result.frame["failed"]) == [""] * 4
    agreement = result.agreement().loc["half"]
    # right 13/20 and 2/20, wrong 13/20: of two pairs one is a tie and one is lost
    assert (agreement["n"], agreement["right"], agreement["wrong"], agreement["pairs"]) == (3, 2, 1, 2)
    assert agreement["auc"] == agreement["ranked"] == 0.25
    pair = result.correlation().iloc[0]
    assert pair["n"] == 3 and pair["pearson"] == pytest.approx(np.corrcoef([1, 1, 0], [13, 2, 13])[0, 1])
    summary = result.summary().loc["half"]
    assert summary["n"] == 3 and summary["mean"] == pytest.approx(28 / 60) and summary["abstained"] == 0.25


def test_a_failure_is_counted_and_shown_and_is_no_zero():
    def broken(prompts, completions, completion_ids, **columns):
        return [math.nan if not text else 1.0 for text in completions]

    result = rewards.score(["a", ""], broken)
    assert result.summary().loc["broken", "failed"] == 0.5 and result.summary().loc["broken", "mean"] == 1.0
    assert "nan" in result.frame["failed"][1] and math.isnan(result.frame["broken"][1])


def test_pairs_are_ranked_within_the_prompt():
    value = {"a": 1.0, "b": 0.0, "c": 9.0, "d": 8.0}

    def given(prompts, completions, completion_ids, **columns):
        return [value[text] for text in completions]

    result = rewards.score([["a", "b"], ["c", "d"]], given, prompts=["p", "q"], columns={"correct": [1, 1]})
    agreement = result.agreement([1, 0, 0, 1]).loc["given"]
    assert agreement["ranked"] == 0.5 and agreement["pairs"] == 2  # a over b, not d over c
    assert agreement["auc"] == 0.5  # of a>b, a<c, d>b, d<c


def test_batches_hold_whole_groups_and_rows_keep_their_order():
    seen = []

    def group_size(prompts, completions, completion_ids, **columns):
        seen.append(list(prompts))
        return [float(prompts.count(prompt)) for prompt in prompts]

    frame = rewards.score(list("abcde"), group_size, prompts=["p", "q", "p", "q", "p"], batch=2).frame
    assert seen == [["p", "p", "p"], ["q", "q"]]
    assert list(frame["completion"]) == list("abcde") and list(frame["group_size"]) == [3, 2, 3, 2, 3]


def test_a_reward_that_reads_token_ids_fails_plainly_without_a_tokenizer():
    def brevity(prompts, completions, completion_ids, **columns):
        return [1.0 / len(ids) for ids in completion_ids]

    assert "no tokenizer" in rewards.score(["a"], brevity).frame["failed"][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a"], "corectness"), "did you mean 'correctness'"),
        ((["a"], "correctness"), "needs a column 'gold', which the data lacks; it has: completion"),
        (([], "correctness"), "no completions"),
        (([{"question": "1?"}], half), "row 1 has no completion; it has: question"),
        ((["a", 3], half), "row 2 has a completion of type int"),
        (("The answer is 4.", half), "expected a list of texts, chats or rows, or a DataFrame, got one text"),
        (({"completion": ["a"], "gold": ["a"]}, half), "got a mapping of columns"),
        (([[], "a"], half), "row 1 has an empty list"),
        (([{"completion": []}], half), "row 1 has an empty list"),
        (([None, "a"], half), "row 1 has no completion"),
        ((pd.DataFrame([["a", "b"]], columns=["completion", "completion"]), half), "two columns called 'completion'"),
        *(
            ((["a"], {name: half}), message)
            for name, message in (("gold", "a reward cannot be called 'gold'"), ("mix", "mix: tables of completions"))
        ),
        ((["a"], {"judge": {"model": "m", "options": {"rubric": "x", "key": None}}}), "needs a column 'prompt'"),
    ],
)
def test_wrong_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        rewards.score(*arguments)


def test_missing_values_of_a_data_frame_are_missing():
    data = pd.DataFrame({"completion": ["1", "2"], "gold": ["1", "2"], "correct": [1.0, math.nan]})
    result = rewards.score(data, {"correctness": {"verifier": "exact"}})
    assert result.agreement()["n"].to_list() == [1]


def test_correctness_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        scored().agreement([5, 1, 1, 1])


def test_pieces_cover_the_text_once_also_where_steps_overlap():
    steps = [Step(1, 4, "judged", 1.0), Step(3, 5, "judged", 0.0), Step(5, 5, "judged", 0.5)]
    cut = pieces("abcdefg", steps)
    assert "".join(piece.text for piece in cut) == "abcdefg"
    assert [(piece.text, piece.sign) for piece in cut if piece.step] == [("bcd", "✓"), ("e", "✗"), ("", " 0.50")]


def test_a_text_has_the_sign_of_each_verdict_behind_its_step():
    steps = [
        Step(0, 2, "judged", 1.0),
        Step(2, 4, "judged", 0.0),
        Step(4, 5, "abstained", None),
        Step(9, 9, "failed", None),
    ]
    assert marked_text("abcdefg", steps) == "ab✓cd✗e?fg"  # what lies past the end of the text is left out


def test_steps_are_marked_in_html_and_text_and_markup_is_escaped():
    result = rewards.score(["<b>1-1=0"], {"correctness": {"verifier": "chain"}}, prompts=["1-1?"], gold=["0"])
    marked = result.steps()
    assert "✗" in str(marked) and "not a step" in str(marked)
    assert "&lt;b&gt;" in marked._repr_html_() and "<b>1" not in marked._repr_html_()


def test_reasons_of_many_wrong_steps_are_cut_short():
    result = rewards.score([";".join(["1-1=0"] * 9)], {"steps": {"verifier": "chain"}}, prompts=["1-1?"])
    assert str(result.steps()).count("more steps than operations") == 6 and "and 2 more" in str(result.steps())


def test_the_plot_and_the_parquet_file_hold_everything(tmp_path):
    result = scored()
    assert len(result.plot().axes) >= 5
    result.to_parquet(tmp_path / "out.parquet")
    back = pd.read_parquet(tmp_path / "out.parquet")
    assert back["correctness.steps"][2][0]["score"] == 0.0 and back["half"].isna().sum() == 1


def test_a_mix_that_is_passed_keeps_its_error_budget():
    def broken(prompts, completions, completion_ids, **columns):
        raise RuntimeError("no")

    mix = made({"broken": broken}, Context(Verifier("exact")))
    mix.error_budget = 0.1
    assert rewards.score(["a"], mix).frame["failed"][0].startswith("broken: RuntimeError: no (")
    assert mix.error_budget == 0.1


def test_one_missing_gold_abstains_and_the_rest_is_judged():
    frame = rewards.score(["1", "2"], {"correctness": {"verifier": "exact"}}, gold=["1", None]).frame
    assert frame["correctness"][0] == 1.0 and frame["abstained"][1] == "correctness" and frame["failed"][1] == ""


def test_normalising_inside_the_prompt_without_prompts_is_refused():
    with pytest.raises(ValueError, match="has no prompts"):
        rewards.score(["a"], half, mix={"aggregation": "normalise_then_sum"})


GDPO = {"aggregation": "normalise_then_sum"}


def worth(prompts, completions, completion_ids, **columns):
    return [float(text) for text in completions]


@pytest.mark.parametrize(
    ("more", "groups"),
    [
        ({"prompts": ["p", "q", "p", "q"]}, [0, 1, 0, 1]),
        ({"prompts": [[{"role": "user", "content": text}] for text in "pqpq"]}, [0, 1, 0, 1]),
        ({"prompts": ["p", None, "p", None]}, [0, 1, 0, 2]),
        ({"prompts": ["p", "", "p", ""]}, [0, 1, 0, 2]),
        ({"groups": [7, 8, 7, 8]}, [0, 1, 0, 1]),
        ({"groups": [0, 1, 0, 1], "prompts": [[{"role": "user", "content": "p"}]] * 4}, [0, 1, 0, 1]),
        ({"groups": [0, 0, 0, 0]}, [0, 0, 0, 0]),
        ({"groups": [7, None, 7, None], "prompts": [None, "q", None, "q"]}, [0, 1, 0, 1]),
        ({"groups": ["a", "b", "a", "b"], "prompts": ["p", "p", "p", "p"]}, [0, 1, 0, 1]),
    ],
)
def test_interleaved_and_promptless_completions_are_normalised_in_their_groups(more, groups):
    values = [0.0, 5.0, 2.0, 9.0]
    frame = rewards.score([str(value) for value in values], worth, mix=GDPO, **more).frame
    assert list(frame["group"]) == groups
    for row, group in enumerate(groups):
        of = [value for value, its in zip(values, groups, strict=True) if its == group]
        expected = (values[row] - np.mean(of)) / (np.std(of, ddof=1) + 1e-4) if len(of) > 1 else 0.0
        assert frame["mix"][row] == pytest.approx(expected)


def test_a_list_of_completions_without_a_prompt_is_a_group():
    frame = rewards.score([["0", "2"], ["5", "9"], "7"], worth, mix=GDPO).frame
    assert list(frame["group"]) == [0, 0, 1, 1, 2]
    assert list(frame["mix"].round(3)) == [-0.707, 0.707, -0.707, 0.707, 0.0]


def test_what_stands_in_for_a_missing_prompt_is_no_text():
    seen = []

    def look(prompts, completions, **columns):
        seen.extend(str(prompt) for prompt in prompts)
        return [0.0] * len(prompts)

    rewards.score(["1", "2"], look, prompts=[None, "p"], groups=["a", "a"])
    assert seen == ["", "p"]


def test_a_function_has_a_weight_and_may_be_the_gate():
    gated = rewards.score(
        ["0", "1", "3"],
        {
            "enough": {"function": worth, "weight": 0.0},
            "long": {"function": lambda completions, **c: [4, 4, 4], "weight": 0.5},
        },
        mix={"aggregation": "gated", "gate": "enough", "gate_at": 1.0},
    )
    assert list(gated.frame["mix"]) == [0.0, 2.0, 2.0]
    summed = rewards.score(["1"], {"a": {"function": worth, "weight": 0.1}, "b": {"function": Shown(), "weight": -2}})
    assert summed.frame["mix"][0] == pytest.approx(0.1 - 2)


class Shown(Reward):
    name = "shown"

    def score(self, prompts, completions, completion_ids, **columns):
        return Scores([1.0] * len(completions))


def test_functions_take_options_and_keep_their_own_names():
    def scaled(completions, scale=1.0, **columns):
        return [scale * len(text) for text in completions]

    result = rewards.score(["ab"], {"twice": {"function": scaled, "options": {"scale": 2}}, "once": scaled})
    assert (result.frame["twice"][0], result.frame["once"][0]) == (4.0, 2.0)
    with pytest.raises(ValueError, match="mine: options: a Shown has been made already"):
        rewards.score(["ab"], {"mine": {"function": Shown(), "options": {"scale": 2}}})


@pytest.mark.parametrize("name", ["prompts", "completions", "completion_ids", "log_metric", "trainer_state", "self"])
def test_columns_with_the_names_of_arguments_are_kept_and_disturb_nobody(name):
    frame = rewards.score(["2"], {"correctness": {"verifier": "exact"}}, gold=["2"], columns={name: ["x"]}).frame
    assert frame["correctness"][0] == 1.0 and frame[name][0] == "x"


def test_half_a_surrogate_pair_is_scored_shown_and_written(tmp_path):
    half = "\ud83d"

    def odd(prompts, completions, completion_ids, *, log_extra=None, **columns):
        raise RuntimeError(completions[0])

    result = rewards.score(
        [f"{half} the answer is 4", "4"],
        {"correctness": {}, "exact": {"kind": "correctness", "verifier": "exact"}, "odd": odd},
        prompts=[half, "p"],
        gold=["4", half],
        columns={"more": [{half: [half]}, None]},
    )
    assert list(result.frame["completion"]) == ["\ufffd the answer is 4", "4"]
    assert result.frame["correctness"][0] == 1.0
    for text in (repr(result), result._repr_html_(), str(result.steps()), result.steps()._repr_html_()):
        text.encode()
    result.to_parquet(tmp_path / "out.parquet")
    assert pd.read_parquet(tmp_path / "out.parquet")["prompt"][0] == "\ufffd"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"gold": "42"}, "'gold': expected a list of 2 values, got one text"),
        ({"prompts": "ab"}, "'prompt': expected a list of 2 values, got one text"),
        ({"columns": {"completion": ["x", "y"]}}, "'completion' is given twice"),
        ({"columns": {"level": [1]}}, "1 values of 'level' for 2 completions"),
    ],
)
def test_a_column_that_does_not_fit_is_named(more, message):
    with pytest.raises(ValueError, match=message):
        rewards.score(["a", "b"], half, **more)


@pytest.mark.parametrize(
    ("gold", "expected"),
    [
        ([4, 4], [1, 0]),
        (np.array([4, 4]), [1, 0]),
        ([4.0, math.nan], [1, None]),
        ([["3", "4"], ("1", "2")], [1, 0]),
        (pd.array([4, None], dtype="Int64"), [1, None]),
        ((gold for gold in "44"), [1, 0]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_golds_of_any_kind_are_golds(gold, expected):
    values = rewards.score(["4", "5"], {"correctness": {"verifier": "exact"}}, gold=gold).frame["correctness"]
    assert [None if value != value else value for value in values] == expected


@pytest.mark.parametrize(
    "choices",
    [
        {"label": np.array(["A", "B"]), "text": np.array(["x", "y"])},
        np.array([{"label": "A", "text": "x"}, {"label": "B", "text": "y"}], dtype=object),
        ["x", "y"],
    ],
    ids=lambda value: type(value).__name__,
)
def test_choices_of_a_data_frame_are_choices(choices):
    data = pd.DataFrame({"completion": ["The answer is B.", "A"], "gold": ["B", "B"], "choices": [choices] * 2})
    assert list(rewards.score(data, {"correctness": {"verifier": "choice"}}).frame["correctness"]) == [1, 0]


def test_half_a_surrogate_pair_is_replaced_before_any_reward_sees_it():
    seen = []

    def looks(completions, note, **columns):
        seen.extend([*completions, *note])
        return [1.0] * len(completions)

    rewards.score(["4 \ud83d"], looks, columns={"note": ["\ude00"]})
    assert seen == ["4 \ufffd", "\ufffd"]


def test_a_column_with_the_name_of_a_reward_stays_apart():
    frame = rewards.score(["4"], {"correctness": {"verifier": "exact"}}, gold=["4"], columns={"correctness": [7]}).frame
    assert list(frame["correctness"]) == [1] and list(frame["row.correctness"]) == [7]


@pytest.mark.parametrize("dtype", ["string", "object"])
def test_a_missing_value_of_pandas_is_no_gold(dtype):
    golds = pd.Series(["4", pd.NA], dtype=dtype)
    frame = rewards.score(["4", "4"], "correctness", gold=golds).frame
    assert frame["correctness"][0] == 1.0 and math.isnan(frame["correctness"][1])
    assert list(frame["abstained"]) == ["", "correctness"] and list(frame["failed"]) == ["", ""]
    truth = pd.array([True, None], dtype="boolean")
    assert rewards.score(["a", "b"], half).agreement(truth).loc["half", "n"] == 1


def test_a_completion_that_stays_in_a_thought_that_its_prompt_opened_is_a_draft():
    rows = [
        {"prompt": "2+2?<think>", "completion": "The answer is 4.", "gold": "4"},
        {"prompt": "2+2?<think>", "completion": "Well.</think>The answer is 4.", "gold": "4"},
        {"prompt": "2+2?", "completion": "The answer is 4.", "gold": "4"},
    ]
    assert list(rewards.score(rows, "correctness").frame["correctness"]) == [0.0, 1.0, 1.0]


def test_steps_of_such_a_draft_are_marked_in_the_text_itself():
    rows = [{"prompt": PROMPT + "<think>", "completion": ANSWERS[0], "gold": "7"}]

    class First(Reward):
        name, judges_steps = "first", True

        def score(self, prompts, completions, completion_ids, **columns):
            assert completions == ["<think>" + ANSWERS[0]]
            return Scores([1.0], [(Step(7, 12, "judged", 1.0),)])

    scored = rewards.score(rows, First())
    (step,) = scored.parts["first"].steps[0]
    assert ANSWERS[0][step.start : step.end] == "7*3=1" and scored.frame["completion"][0] == ANSWERS[0]


def test_a_column_that_a_reward_logs_is_in_the_table():
    def logs(completions, log_extra, **columns):
        log_extra("why", [text[:1] for text in completions])
        return [1.0] * len(completions)

    rows = [{"prompt": name, "completion": text} for name, text in (("a", "x"), ("b", "y"), ("a", "z"))]
    assert list(rewards.score(rows, logs, batch=1).frame["why"]) == ["x", "y", "z"]


def test_what_is_given_twice_and_differs_is_refused():
    row = {"completion": "4", "gold": "4"}
    assert rewards.score([row], "correctness", gold=["4"]).frame["correctness"][0] == 1.0
    with pytest.raises(ValueError, match="'gold' is given twice for row 1"):
        rewards.score([row], "correctness", gold=["5"])


def test_a_tokenizer_is_something_to_call():
    with pytest.raises(ValueError, match=r"tokenizer: expected a tokenizer that can be called, .* got 'gpt2'"):
        rewards.score(["a"], half, tokenizer="gpt2")


def test_a_reward_without_a_name_has_that_of_its_class_or_function():
    class Brief:
        def __call__(self, completions, **columns):
            return [1.0] * len(completions)

    assert "Brief" in rewards.score(["a"], Brief()).frame
    assert "half" in rewards.score(["a"], functools.partial(half)).frame


@pytest.mark.parametrize("odd", [[1, "a"], {}, [{}, {"a": 1}], object, "\ud83d"])
def test_columns_of_any_kind_are_written(tmp_path, odd):
    file = tmp_path / "out.parquet"
    rewards.score([{"completion": "a", "odd": odd}, {"completion": "b", "odd": None}], half).to_parquet(file)
    assert list(pd.read_parquet(file)["half"]) == [0.05, 0.05]


def test_columns_that_are_options_of_the_verifier_are_told(caplog):
    rewards.score([{"completion": "4", "gold": "4", "digits": 2}], "correctness")
    assert "verifier 'math' takes digits from the data's columns" in caplog.text
