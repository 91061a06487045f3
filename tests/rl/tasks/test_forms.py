"""Forms of marked rationales, to the character; and that systems and programs come to the rationale's answer."""

import contextlib
import io
import json

import pytest

from rl.config.examples import Examples
from rl.config.sections import ChainTask
from rl.errors import UserError
from rl.examples.reading import IMITATED, read
from rl.tasks import chain
from rl.tasks.forms import FORMS, in_form, steps_of
from verifiers.equation_system import verify

QUESTION = "Ann sold 48 clips in April, and half as many in May. How many in both?"
RATIONALE = "She sold 48/2 = <<48/2=24>>24 clips in May.\nShe sold 48+24 = <<48+24=72>>72 clips in both."
MADE = {
    "words": "She sold 48/2 = 24 clips in May.\nShe sold 48+24 = 72 clips in both.",
    "equations": "48/2=24\n48+24=72",
    "program": "v1 = 48/2\nv2 = 48+v1\nprint(v2)",
    "system": "x1 = 48/2\nx2 = 48+x1\nanswer = x2",
    "system_and_program": "x1 = 48/2\nx2 = 48+x1\nanswer = x2\n\nv1 = 48/2\nv2 = 48+v1\nprint(v2)",
    "guide": "1. She sold 48/2 clips in May.\n2. She sold 48+(result 1) clips in both.",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_made_to_the_character(form):
    assert in_form(form, RATIONALE, QUESTION) == MADE[form]


def test_the_answers_line_stays_with_the_equations_alone():
    whole = f"{RATIONALE}\n#### 72"
    assert in_form("equations", whole) == "48/2=24\n48+24=72\n#### 72"
    for form in ("program", "system", "guide"):
        assert in_form(form, whole, QUESTION) == MADE[form]


def run(program):
    with contextlib.redirect_stdout(out := io.StringIO()):
        exec(program, {})
    return float(out.getvalue())


@pytest.mark.parametrize(
    ("rationale", "answer"),
    [
        ("<<3*4=12>>\n<<12-2=10>>\n<<10/4=2.5>>", 2.5),
        ("<<1,200/4=300>>\n<<300*2=600>>", 600),
        ("<<50%*8=4>>\n<<4+4=8>>", 8),  # both numbers of the last step are the result
        ("<<20-5=15>>\n<<15-(5+5)=5>>", 5),
        ("<<6÷2=3>>\n<<3×7=21>>", 21),
    ],
)
def test_program_and_system_come_to_the_rationales_answer(rationale, answer):
    assert run(in_form("program", rationale)) == answer
    assert verify(in_form("system", rationale), str(answer)).score == 1.0


def test_a_number_of_the_question_is_no_result_and_the_newest_step_with_a_result_counts():
    steps = steps_of("<<2*3=6>>\n<<12/2=6>>\n<<6+6=12>>", "There are 12 of 2.")
    assert [step.uses for step in steps] == [{}, {}, {0: 1, 2: 1}]
    assert steps_of("<<2*3=6>>\n<<6+1=7>>", "She has 6.")[1].uses == {}


def test_equal_decimals_are_the_same_number():
    assert in_form("program", "<<1/2=.5>>\n<<0.50*4=2>>") == "v1 = 1/2\nv2 = v1*4\nprint(v2)"


@pytest.mark.parametrize(
    ("form", "rationale", "reason"),
    [
        ("equations", "Half of 48 is 24.", "no marked equation"),
        ("equations", "<<48>>48", "holds no equation"),
        ("program", "<<5 apples*2=10>>", "not plain arithmetic"),
        ("guide", "That is <<1+1=2>>2.", "2 to 6 steps, and it has 1"),
        ("guide", "It is <<1+1=2>>2 and <<2+3=5>>5.", "several marked equations"),
        ("guide", "He has 9: <<4+5=9>>9.\nThen <<9-1=8>>8.", "gives its own result away"),
    ],
)
def test_a_rationale_that_has_no_such_form_says_why(form, rationale, reason):
    with pytest.raises(ValueError, match=reason):
        in_form(form, rationale)


def test_examples_are_read_in_the_form_and_a_row_without_it_is_named(tmp_path):
    file = tmp_path / "marked.jsonl"
    lines = [{"question": QUESTION, "completion": RATIONALE}, {"question": "And 2+2?", "completion": "It is 4."}]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    task = chain.build((1, 2), {"train": 4, "validation": 1, "test": 1}, 0)
    settings = {"data": str(file), "template": "{question}", "form": "system"}
    read_rows = lambda **more: read(Examples(**settings, **more), task, ChainTask(name="chain"), IMITATED)  # noqa: E731
    with pytest.raises(
        UserError, match=r"marked.jsonl:2: its completion cannot be put in the form 'system': it has no marked equation"
    ):
        read_rows()
    (rows,) = read_rows(on_bad_row="skip").rows.values()
    assert [row.texts for row in rows] == [(MADE["system"],)]
