import os
import signal
import subprocess
import sys

import pytest

from verifiers.code import verify, verify_many
from verifiers.execution.blocks import program as extract
from verifiers.execution.comparison import read, same
from verifiers.execution.sandbox import Sandbox, SandboxUnavailable, shared
from verifiers.runtime.judge import Judge


@pytest.fixture(scope="module", autouse=True)
def isolation():
    try:
        with Sandbox() as sandbox:
            sandbox.start()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    yield
    shared.close_all()


def summary(verdict):
    return verdict.status, verdict.score, verdict.extracted


# The program and its answer


def test_the_program_is_the_last_block_marked_as_python():
    text = "First\n```python\n1\n```\nor\n```py\n2\n```\nwhich prints\n```\n3\n```\nas text:\n```text\n4\n```"
    assert extract(text) == "2\n"


def test_without_a_mark_it_is_the_last_plain_block_and_without_a_block_all():
    assert extract("see\n```\n1\n```\nor\n```\n2\n```\n```json\n{}\n```") == "2\n"
    assert extract("x = 1\nprint(x)") == "x = 1\nprint(x)"


def test_a_block_that_was_cut_off_or_indented_is_still_the_program():
    assert extract("1.\n   ```python\n   x = 1\n   print(x)") == "x = 1\nprint(x)\n"


@pytest.mark.parametrize(
    ("program", "answer"),
    [
        ("def solution():\n    print(1)\n    return 7\nprint(2)", "7"),
        ("def simple_math_problem() -> int:\n    '''Two and five.'''\n    return 2 + 5", "7"),
        ("def solution():\n    print(7)", "7"),
        ("print(1)\nprint(7)\nprint()", "7"),
        ("x = 3\nx + 4", "7"),
        ("print(7)\n3", "7"),
        ("if __name__ == '__main__':\n    print(7)", "7"),
        ("def solution():\n    return '7'", "7"),
        ("answer = 7", None),
        ("", None),
    ],
)
def test_the_answer_is_what_it_returns_or_prints_last_or_is_worth(program, answer):
    assert summary(verify(program, "7")) == ("judged", float(answer is not None), answer)


def test_another_entry_can_be_named():
    program = "def solution():\n    return 1\ndef total():\n    return 7"
    assert verify(program, "7").score == 0.0
    assert verify(program, "7", entry="total").score == 1.0
    assert verify(program, "7", entry=["missing", "total"]).score == 1.0


def test_setup_runs_before_the_program():
    assert verify("print(floor(x))", "7", setup="from math import floor\nx = 7.5").score == 1.0


def test_a_program_that_does_not_end_well_is_wrong_even_after_the_right_answer():
    verdict = verify("print(7)\n1 / 0", "7")
    assert summary(verdict) == ("judged", 0.0, "7")
    assert verdict.reason == "ZeroDivisionError: division by zero"


def test_a_program_that_exceeds_its_time_is_wrong_with_the_reason():
    verdict = verify("print(7, flush=True)\nimport time\ntime.sleep(60)", "7", seconds=0.2)
    assert summary(verdict) == ("judged", 0.0, "7")
    assert verdict.reason == "waited longer than 0.5 s"


def test_no_program_is_wrong_and_an_empty_gold_abstains():
    assert verify("   ", "7").reason == "no program"
    assert verify("x = 1\n" * 100_000, "7").status == "judged"
    assert verify("7", " ").status == "abstained"


def test_the_gold_may_be_a_solution_with_a_mark():
    assert verify("7", "3 + 4 = <<3+4=7>>7\n#### 7").score == 1.0


def test_hostile_text_does_not_break_the_judge():
    for text in ["\ud800", "\x00", "(" * 100_000, "```" * 100_000, "é" * 1000, "-" * 100_000 + "1"]:
        assert summary(verify(text, "3"))[:2] == ("judged", 0.0)
        assert verify(repr(text)[1:-1][:50] + "\n1/0", text[:5]).status == "judged"


def test_lenient_takes_the_number_of_the_last_line():
    program = "print('The answer is $1,200.50 (rounded)')"
    assert verify(program, "1200.5").score == 0.0
    assert summary(verify(program, "1200.5", lenient=True)) == ("judged", 1.0, "$1,200.50")


# Comparison


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("18.0", "18"),
        ("0.30000000000000004", "0.3"),
        ("1e3", "$1,000"),
        ("3/4", "0.75"),
        ("1e-17", "0"),
        ("[1, 2.0]", "(1, 2)"),
        ("{'a': [1]}", "{'a': [1.0]}"),
        ("{3, 1}", "{1, 3}"),
        ("set()", "set()"),
        ("True", "True"),
        ("  two   words ", "two words"),
        ("1" * 300, "1" * 300),
    ],
)
def test_equal_answers(answer, gold):
    assert same(read(answer), read(gold), 1e-9, 1e-6)
    assert same(read(gold), read(answer), 1e-9, 1e-6)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("18.1", "18"),
        ("1.00001", "1"),
        ("True", "1"),
        ("1" * 299 + "2", "1" * 299 + "3" + "0"),
        ("nan", "3"),
        ("inf", "3"),
        ("[1, 2]", "[1, 2, 3]"),
        ("[1, 2]", "[2, 1]"),
        ("[1]", "1"),
        ("{1: 2}", "{1: 3}"),
        ("Word", "word"),
        ("None", "0"),
        ("1/0", "0"),
        ("9" * 5000, "3"),
        ("[" * 5000, "3"),
        ("['x'*3]", "['xxx']"),
    ],
)
def test_different_answers(answer, gold):
    assert not same(read(answer), read(gold), 1e-9, 1e-6)
    assert not same(read(gold), read(answer), 1e-9, 1e-6)


def test_no_value_that_a_program_can_return_equals_everything():
    for value in ("float('nan')", "float('inf')", "-float('inf')", "10**100000", "type('E', (), {'__eq__': bool})()"):
        assert verify(f"def solution():\n    return {value}", "3").score == 0.0, value
    liar = "class E(int):\n    __eq__ = lambda s, o: True\n    __hash__ = None\ndef solution():\n    return E(4)"
    assert verify(liar, "3").score == 0.0
    assert verify("float('inf')", "inf").score == 0.0  # an infinity is no number, and not the text either


# Tests


ADD = "def add(a, b):\n    return a + b"


def test_tests_are_passed_by_a_right_program():
    tests = [
        "assert add(1, 2) == 3",
        "assert add(0.1, 0.2) != 0.3",
        "assert 3 == add(1, 2)",
        "assert add((1,), (2,)) == (1, 2)",
        "assert set(add([1], [1])) == set([1])",
        "assert add(1, 1) in (2, 3)",
        "assert add(1, 1)",
        "assert not add(0, 0)",
        "assert abs(add(0.1, 0.2) - 0.3) < 1e-9",
        "assert (add(1, 1) > 1) is True",
        "x = add(1, 1)\nassert x == 2",
        "import math\nassert math.isclose(add(0.1, 0.2), 0.3)",
        "def check(candidate):\n    assert candidate(1, 1) == 2\ncheck(add)",
    ]
    assert verify(ADD, "", tests=tests).reason == "right"
    assert verify(ADD, "", tests="\n".join(tests)).score == 1.0


def test_one_failed_test_is_wrong_and_partial_credit_counts_the_tests():
    tests = ["assert add(1, 2) == 3", "import math", "assert add(2, 2) == 5", "assert add(1, 'a') == 1", "raise E"]
    verdict = verify(ADD, "", tests=tests)
    assert verdict.score == 0.0
    assert verdict.reason == "1 of 4 tests pass; assert add(2, 2) == 5: gave 4"
    assert verify(ADD, "", tests=tests, partial=True).score == 0.25


@pytest.mark.parametrize("kind", ["==", "is", "in", "<", "!="])
def test_each_kind_of_comparison_can_fail(kind):
    wrong = {
        "==": "assert add(1, 2) == 4",
        "is": "assert add(1, 2) is None",
        "in": "assert add(1, 2) in [4]",
        "<": "assert add(1, 2) < 3",
        "!=": "assert add(1, 2) != 3",
    }
    assert verify(ADD, "", tests=[wrong[kind]]).score == 0.0
    assert verify(ADD, "", tests=["assert not add(1, 2)"]).score == 0.0


def test_an_endless_test_leaves_the_earlier_ones_their_credit():
    program = "def f(x):\n    while x: pass\n    return 0"
    verdict = verify(program, "", tests=["assert f(0) == 0", "assert f(1) == 0"], partial=True, seconds=0.2)
    assert verdict.score == 0.5
    assert verdict.reason == "1 of 2 tests pass; assert f(1) == 0: used more than 1 s of processor time"


def test_a_program_cannot_say_that_it_passed():
    liar = (
        "class Any:\n    __eq__ = lambda s, o: True\n    __ne__ = lambda s, o: False\ndef add(a, b):\n    return Any()"
    )
    forger = 'import os\nos.write(3, b\'{"test": 0, "passed": true}\\n{"end": null}\\n\')\nos._exit(0)'
    quitter = "import os\ndef add(a, b):\n    os._exit(0)"
    for program in (liar, forger, quitter):
        assert verify(program, "", tests=["assert add(1, 2) == 3"]).score == 0.0


def test_what_is_wanted_of_a_test_is_not_to_be_found_inside():
    spy = (
        "import sys\n"
        "def add(a, b):\n"
        "    frame, seen = sys._getframe(), ''\n"
        "    while frame:\n"
        "        seen += repr((frame.f_locals, frame.f_code.co_consts))\n"
        "        frame = frame.f_back\n"
        "    assert 'add(1, 2)' in seen\n"
        "    return int(''.join(reversed('7135'))) if ''.join(reversed('7135')) in seen else 0\n"
    )
    assert verify(spy, "", tests=["assert add(1, 2) == 5317"]).reason.endswith("gave 0")


def test_tests_that_do_not_parse_or_test_nothing_abstain():
    assert verify(ADD, "", tests=["assert add(1, 2) == 3", "assert add(("]).status == "abstained"
    assert verify(ADD, "", tests=[]).status == "abstained"
    assert verify(ADD, "", tests="def test_add(fixture):\n    assert add(1, 2) == 3").status == "abstained"
    assert verify(ADD, "", tests="def check(candidate):\n    assert candidate(1, 2) == 3").status == "abstained"
    assert verify(ADD, "", tests={"inputs": ["1"], "outputs": []}).status == "abstained"


# The sandbox behind it


def test_a_sandbox_that_is_killed_between_two_programs_costs_no_verdict():
    assert verify("7", "7", memory=300).score == 1.0
    (sandbox,) = [idle[0] for (limits, *_), idle in shared._idle.items() if limits.memory == 300]
    os.killpg(sandbox._process.pid, signal.SIGKILL)
    assert verify("7", "7", memory=300).score == 1.0


def test_a_program_that_is_killed_from_outside_is_failed_and_not_wrong():
    if os.geteuid() != 0:
        pytest.skip("needs root to find the program from outside")
    killer = (
        "import os, pathlib, signal, sys, threading\n"
        "from verifiers.code import verify\n"
        "def kill():\n"
        "    killed = 0\n"
        "    while killed < 2:\n"
        "        for status in pathlib.Path('/proc').glob('[0-9]*/status'):\n"
        "            try:\n"
        "                text = status.read_text()\n"
        "            except OSError:\n"
        "                continue\n"
        "            if f'Uid:\\t{0x70000000}' in text and 'State:\\tS' in text:\n"
        "                os.kill(int(status.parent.name), signal.SIGKILL)\n"
        "                killed += 1\n"
        "                break\n"
        "threading.Thread(target=kill, daemon=True).start()\n"
        "print(verify('import time\\ntime.sleep(60)', '7', seconds=8.0))\n"
    )
    done = subprocess.run([sys.executable, "-c", killer], capture_output=True, text=True, timeout=60)
    assert "failed" in done.stdout and "killed from outside" in done.stdout, done


def test_many_rows_keep_their_order_and_their_own_options():
    rows = [{"prediction": f"print({i})", "gold": str(i if i % 3 else -1), "extra": 1} for i in range(20)]
    rows.append({"prediction": ADD, "gold": "", "tests": ["assert add(1, 2) == 3"], "partial": None})
    verdicts = verify_many(rows, workers=3, seconds=1.0)
    assert [verdict.score for verdict in verdicts] == [float(i % 3 > 0) for i in range(20)] + [1.0]


def test_equal_rows_are_run_once():
    row = {"prediction": "import time\nprint(time.perf_counter_ns())", "gold": "1"}
    one, same_one, other = verify_many([row, dict(row), row | {"gold": "2"}])
    assert one.extracted == same_one.extracted != other.extracted


def test_a_row_that_breaks_the_judge_is_failed_and_the_others_are_judged():
    good, bad = verify_many([{"prediction": "7", "gold": "7"}, {"prediction": "7", "gold": "7", "relative": -1}])
    assert (good.score, bad.status) == (1.0, "failed")
    assert "tolerance" in bad.reason


def test_the_judge_runs_batches_at_once_and_takes_their_number_of_workers():
    judge = Judge("code", workers=2, lenient=True)
    verdicts = judge([{"prediction": "print('is 7')", "gold": "7"}, {"prediction": "8", "gold": "7"}])
    assert [verdict.score for verdict in verdicts] == [1.0, 0.0]
    with pytest.raises(ValueError, match="lenient"):
        Judge("code", lenent=True)


def test_a_fork_of_this_process_has_sandboxes_of_its_own():
    assert verify("7", "7").score == 1.0
    pid = os.fork()
    if pid == 0:
        right = verify("print(8)", "8").score == 1.0
        shared.close_all()
        os._exit(0 if right else 1)
    scores = [verify(f"print({i})", str(i)).score for i in range(20)]
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert scores == [1.0] * 20


def test_it_imports_without_torch():
    done = subprocess.run(
        [sys.executable, "-c", "import verifiers.code, sys; print('torch' in sys.modules)"],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "False\n"
