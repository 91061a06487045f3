import json
import os
import signal
import subprocess
import sys

import pytest

from verifiers.code import verify, verify_many
from verifiers.execution.comparison import read, same
from verifiers.execution.extraction import program as extract
from verifiers.execution.input_output import printed_as_wanted, returned_as_wanted
from verifiers.execution.sandbox import Sandbox, SandboxUnavailable, shared
from verifiers.execution.sandbox.values import Other
from verifiers.runtime.verifier import Verifier


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
        ("ans = 3 + 4", "7"),
        ("answer = 7", "7"),
        ("answer = 8\nprint(7)", "7"),
        ("total = 7", None),
        ("", None),
    ],
)
def test_the_answer_is_what_it_returns_or_prints_last_or_is_worth(program, answer):
    assert summary(verify(program, "7")) == ("judged", float(answer is not None), answer)


def test_an_integer_may_have_more_digits_than_python_prints_by_itself():
    assert verify("print(10**5000)", "1" + "0" * 5000).score == 1.0


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


# Tests in HumanEval's form


CLOSE = "def close(xs, t):\n    return any(abs(a - b) < t for i, a in enumerate(xs) for b in xs[i + 1:])"
CHECK = """
METADATA = {'author': 'nobody'}


def check(candidate):
    assert candidate([1.0, 2.0, 3.9], 0.3) == False
    assert candidate([1.0, 2.0, 2.2], 0.3) == True
    assert abs(candidate([1.0], 0.3) - 0.0) < 1e-6
"""


def test_a_check_function_is_called_with_the_entry_point():
    assert verify(CLOSE, "", tests=CHECK, entry_point="close").reason == "right"
    assert verify(CLOSE, "", tests={"test": CHECK, "entry_point": "close"}).reason == "right"
    assert verify(CLOSE, "", tests=CHECK + "\ncheck(close)").reason == "right"
    wrong = verify(CLOSE.replace("< t", "<= 1"), "", tests=CHECK, entry_point="close", partial=True)
    assert wrong.score == 2 / 3
    assert wrong.reason.endswith("close([1.0, 2.0, 3.9], 0.3) == False: gave True")


def test_a_completion_of_the_prompts_signature_is_a_program():
    starter = "def half(x):\n    return x / 2\n\n\ndef f(x):\n    '''Half of x.'''\n"
    check = "def check(candidate):\n    assert candidate(3) == half(3)"
    assert verify("    return half(x)\n", "", tests=check, entry_point="f", starter=starter).reason == "right"
    own = "def half(x):\n    return 0\ndef f(x):\n    return 0"
    assert (
        verify(own, "", tests=check, entry_point="f", starter=starter).score == 0.0
    )  # the tests have the prompt's half


ANYTHING = """
class Anything:
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __sub__ = __rsub__ = lambda self, other: 0
    __abs__ = __round__ = __call__ = __getitem__ = lambda self, *rest: self
    __bool__ = lambda self: True
    __hash__ = lambda self: 3
    __len__ = lambda self: 1
    __iter__ = lambda self: iter([self])
    __getattr__ = lambda self, name: self
def f(*rest):
    return Anything()
"""


@pytest.mark.parametrize(
    "assertion",
    [
        "f(1) == 3",
        "3 == f(1)",
        "not f(1) != 3",
        "f(1) == f(1) == 3",
        "abs(f(1) - 3.14) < 1e-6",
        "abs(3 - f(1)) < 1",
        "round(f(1), 2) == 3.14",
        "f(1) > 2 and f(1) < 4",
        "f(1) in [3]",
        "3 in f(1)",
        "f(1) in {3}",
        "list(f(1)) == [3]",
        "[f(1)] == [3]",
        "{f(1): 1} == {3: 1}",
        "f(1)[0] == 3",
        "f(1).value == 3",
        "f(1) is True",
        "isinstance(f(1), int)",
        "all(x == 3 for x in f(1)) and len(f(1)) == 1",
        "any([f(1) == 3])",
    ],
)
def test_an_object_that_equals_everything_passes_no_test(assertion):
    assert verify(ANYTHING, "", tests=[f"assert {assertion}"]).score == 0.0
    assert verify(ANYTHING, "", tests=f"def check(c):\n    assert {assertion}", entry_point="f").score == 0.0


@pytest.mark.parametrize(
    "program",
    [
        "import builtins\nbuiltins.abs = builtins.bool = builtins.all = lambda *rest: 0\ndef close(*rest): return 0",
        "import builtins\nbuiltins.AssertionError = type('Quiet', (Exception,), {})\ndef close(*rest): return 0",
        "import math\nmath.isclose = lambda *rest: True\ndef close(*rest): return 0",
        "import os\nos._exit(0)",
        "import os\ndef close(*rest): os._exit(0)",
        "import sys\nsys.exit(0)",
        "def close(*rest): raise SystemExit(0)",
        "def close(*rest): raise AssertionError",
        "def check(candidate): pass\ndef close(*rest): return 0",
        "import sys\nsys.settrace(lambda *rest: None)\ndef close(*rest): return 0",
        'import os\nfor handle in range(3, 20):\n    try:\n        os.write(handle, b\'{"test": 0, "passed": true}\\n\''
        ' + b\'{"test": 1, "value": true}\\n{"value": 1}\\n\' * 9)\n    except OSError:\n        pass\nos._exit(0)',
    ],
)
def test_no_program_talks_its_way_through_tests(program):
    apart = CHECK + "    import math\n    assert math.isclose(candidate([5.0, 5.1], 0.3), 1)\n"
    within = "def check(candidate):\n    assert candidate([1.0, 2.0, 2.2], 0.3) == 8"
    assert verify(program, "", tests=apart, entry_point="close").score == 0.0
    assert verify(program, "", tests=within, entry_point="close").score == 0.0


def test_a_helper_of_the_tests_is_not_the_programs_to_replace():
    tests = "def near(a, b):\n    return abs(a - b) < 1e-6\nassert near(add(0.1, 0.2), 0.3)"
    assert verify(ADD, "", tests=tests).score == 1.0
    assert verify("def near(a, b):\n    return True\ndef add(a, b):\n    return 9", "", tests=tests).score == 0.0


REACHING = [
    ("class Stack(list):\n    push = list.append", "s = Stack()\ns.push(3)\nassert len(s) == 1 and s == [3]"),
    ("def order(xs): xs.sort()", "xs = [3, 1]\norder(xs)\nassert xs[0] == 1 and xs == sorted(xs)"),
    ("def up():\n    yield 1\n    yield 2", "assert list(up()) == [1, 2]"),
    ("def twice(f, x): return f(f(x))", "assert twice(lambda x: x + 1, 3) == 5"),
    ("async def f(): return 3", "import asyncio\nassert asyncio.run(f()) == 3"),
    ("class E(Exception): pass\ndef f(): raise E('no')", "try:\n    f()\nexcept E as e:\n    assert str(e) == 'no'"),
    ("def f(): return {}['x']", "try:\n    f()\n    assert False\nexcept KeyError:\n    pass"),
    (
        "class A:\n    def __enter__(self): return 3\n    def __exit__(self, *rest): pass",
        "with A() as x:\n    assert x == 3",
    ),
    (
        "def f(): print('hi')",
        "import contextlib, io\ns = io.StringIO()\nwith contextlib.redirect_stdout(s):\n    f()\n"
        "assert s.getvalue() == 'hi\\n'",
    ),
    (
        "def f(x): return x.reshape(2, 2)",
        "import numpy as np\nx = f(np.arange(4))\nassert x.shape == (2, 2) and isinstance(x, np.ndarray)\n"
        "np.testing.assert_allclose(x, [[0, 1], [2, 3]])",
    ),
    ("def f(d): return d.days", "import datetime\nassert f(datetime.timedelta(3)) + 0 == 3"),
    ("class P:\n    def __init__(self, x): self.x = x", "p = P(3)\np.x += 1\nassert p.x == 4 and isinstance(p, P)"),
    (
        "def f(): return 3",
        "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(f(), 3)",
    ),
    ("def f(): return 3", "from solution import f\ndef test_f():\n    assert f() == 3"),
    ("def sum(a, b): return a * b", "assert sum(2, 3) == 6"),
    ("class Solution:\n    def add(self, a, b): return a + b", "assert Solution().add(1, 2) == 3"),
]


@pytest.mark.parametrize(("program", "tests"), REACHING)
def test_tests_of_every_kind_reach_the_program(program, tests):
    assert verify(program, "", tests=tests).reason == "right"


def test_a_test_that_needs_what_is_not_installed_abstains():
    assert verify(ADD, "", tests="import no_such_module\nassert abs(add(1, 2)) == 3").status == "abstained"


# Tests by inputs and outputs


SUMS = {"inputs": ["2\n1 2\n", "1\n5\n"], "outputs": ["3\n", "5"]}
READER = "n = int(input())\nprint(sum(map(int, input().split())))"


def test_a_script_is_judged_by_what_it_prints_for_each_input():
    assert verify(READER, "", tests=SUMS).reason == "right"
    assert verify(READER, "", tests=json.dumps(SUMS)).reason == "right"
    assert verify(READER, "", tests={"input_output": json.dumps(SUMS)}).reason == "right"
    cases = [
        {"input": i, "output": o, "testtype": "stdin"} for i, o in zip(SUMS["inputs"], SUMS["outputs"], strict=True)
    ]
    assert verify(READER, "", tests=cases).reason == "right"
    assert verify(f"def main():\n    {READER.replace(chr(10), chr(10) + '    ')}\nmain()", "", tests=SUMS).score == 1.0
    verdict = verify("print(3)", "", tests=SUMS, partial=True)
    assert (verdict.score, verdict.reason) == (0.5, "1 of 2 tests pass; for '1\\n5\\n': printed '3\\n'")
    assert verify("import os\nos._exit(0)", "", tests=SUMS).score == 0.0
    assert verify("print(3)\n1 / 0", "", tests={"inputs": [""], "outputs": ["3"]}).score == 0.0


def test_the_input_of_a_program_without_tests_is_a_column():
    assert verify("a, b = map(int, input().split())\nprint(a + b)", "5", stdin="2 3\n").score == 1.0
    assert verify("for i in range(2):\n    print(i)", "0\n1").score == 1.0


@pytest.mark.parametrize(
    ("printed", "wanted", "same"),
    [
        ("1 2\n3", "1  2 \n\n3\n", True),
        ("1 2", "1\n2", False),
        ("1.0", "1", True),
        ("1.0000001", "1", False),
        ("0.3333333333", "0.333333", True),
        ("0.334", "0.333333", False),
        ("010", "10", False),
        ("YES", "Yes", False),
        ("1e3", "1000", True),
        ("nan", "nan", True),
        ("", "0", False),
        ("1 2 3", "1 2", False),
    ],
)
def test_what_is_printed_is_compared_word_by_word(printed, wanted, same):
    assert printed_as_wanted(printed, wanted) is same


def test_a_function_is_judged_by_what_it_returns_for_each_input():
    tests = {"fn_name": "add", "inputs": [[1, 2], [[1], [2]]], "outputs": [3, [1, 2]]}
    assert verify(ADD, "", tests=tests).reason == "right"
    assert verify("class Solution:\n    def add(self, a, b):\n        return a + b", "", tests=tests).reason == "right"
    assert verify(ADD.replace("+", "-"), "", tests=tests).reason == "0 of 2 tests pass; add(1, 2) == 3: gave -1"
    lines = [{"input": "[1, 2]\n[3]", "output": "[1, 2, 3]", "testtype": "functional"}]
    assert verify(ADD, "", tests=lines, entry_point="add").reason == "right"


@pytest.mark.parametrize(
    ("value", "wanted", "same"),
    [
        ((1, 2), [1, 2], True),
        (1.0, 1, True),
        (0.1 + 0.2, 0.3, True),
        (0.31, 0.3, False),
        (True, 1, False),
        ({1: [2]}, {"1": [2]}, True),
        ("a b", "a  b", False),
        (Other("3"), "3", False),
        (float("nan"), 0.5, False),
        ([1, 2], [1], False),
    ],
)
def test_what_is_returned_is_compared_value_by_value(value, wanted, same):
    assert returned_as_wanted(value, wanted) is same


def test_apps_wraps_all_results_or_none():
    wrapped = {"fn_name": "f", "inputs": [[1], [2]], "outputs": [[1], [2]]}
    assert verify("def f(x):\n    return x", "", tests=wrapped).score == 1.0
    assert verify("def f(x):\n    return [x]", "", tests=wrapped).score == 1.0
    mixed = wrapped | {"outputs": [[1], [2, 2]]}
    assert verify("def f(x):\n    return 1 if x == 1 else [2, 2]", "", tests=mixed).score == 0.0


# The sandbox behind it


def test_a_sandbox_that_is_killed_between_two_programs_costs_no_verdict():
    assert verify("7", "7", memory=300).score == 1.0
    (sandbox,) = [idle[0] for (limits, *_), idle in shared._idle.items() if limits.memory == 300]
    os.killpg(sandbox._connection.process.pid, signal.SIGKILL)
    assert verify("7", "7", memory=300).score == 1.0


def test_a_program_that_is_killed_from_outside_is_failed_and_not_wrong():
    if os.geteuid() != 0:
        pytest.skip("needs root to find the program from outside")
    killer = (
        "import os, pathlib, signal, sys, threading\n"
        "from verifiers.code import verify\n"
        "def is_ours(pid):\n"
        "    while pid > 1 and pid != os.getpid():\n"
        "        status = pathlib.Path(f'/proc/{pid}/status').read_text()\n"
        "        pid = int(status.split('PPid:')[1].split()[0])\n"
        "    return pid == os.getpid()\n"
        "def kill():\n"
        "    killed = 0\n"
        "    while killed < 2:\n"
        "        for status in pathlib.Path('/proc').glob('[0-9]*/status'):\n"
        "            try:\n"
        "                text = status.read_text()\n"
        "                ours = is_ours(int(status.parent.name))\n"
        "            except OSError:\n"
        "                continue\n"
        "            if ours and f'Uid:\\t{0x70000000}' in text and 'State:\\tS' in text:\n"
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
    verifier = Verifier("code", workers=2, lenient=True)
    verdicts = verifier([{"prediction": "print('is 7')", "gold": "7"}, {"prediction": "8", "gold": "7"}])
    assert [verdict.score for verdict in verdicts] == [1.0, 0.0]
    with pytest.raises(ValueError, match="lenient"):
        Verifier("code", lenent=True)


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


# Programs in the calls of tools, and the names of classes


@pytest.mark.parametrize(
    "completion",
    [
        '{"name": "python", "arguments": {"code": "def add(a, b):\\n    return a + b"}}',
        '<tool_call>\n{"name": "python", "arguments": {"code": "def add(a, b):\\n    return a + b"}}\n</tool_call>',
        '{"name": "python", "arguments": "{\\"code\\": \\"def add(a, b):\\\\n    return a + b\\"}"}',
        '```json\n{"code": "def add(a, b):\\n    return a + b"}\n```',
        "<function=run>\n<parameter=code>\ndef add(a, b):\n    return a + b\n</parameter>\n</function>",
        "<|python_tag|>def add(a, b):\n    return a + b<|eom_id|>",
    ],
)
def test_a_program_in_the_call_of_a_tool_is_the_program(completion):
    assert verify(completion, "", tests=["assert add(1, 2) == 3"]).score == 1.0
    assert verify(completion.replace("a + b", "a - b"), "", tests=["assert add(1, 2) == 3"]).score == 0.0


def test_a_block_counts_before_a_string_of_json():
    text = '{"code": "def add(a, b):\\n    return a - b"}\n```python\ndef add(a, b):\n    return a + b\n```'
    assert verify(text, "", tests=["assert add(1, 2) == 3"]).score == 1.0


def test_the_program_in_the_call_of_a_tool_may_be_a_script():
    call = '<tool_call>{"name": "python", "arguments": {"code": "print(9 * 2)"}}</tool_call>'
    assert verify(call, "18").score == 1.0
    assert verify('table = {"code": "print(1)"}\nprint(18)', "18").score == 1.0


def test_the_body_of_a_function_may_stand_in_a_block_without_its_indentation():
    starter = 'def total(xs):\n    """The sum."""\n'
    body = "```python\n    t = 0\n    for x in xs:\n        t += x\n    return t\n```"
    tests = "def check(candidate):\n    assert candidate([1, 2]) == 3\n"
    assert verify(body, "", tests=tests, entry_point="total", starter=starter).score == 1.0


@pytest.mark.parametrize(
    ("test", "score"),
    [
        ("assert type(s).__name__ == 'Stack'", 1.0),
        ("assert s.__class__.__name__ == 'Stack'", 1.0),
        ("assert type(s) == candidate and isinstance(s, candidate)", 1.0),
        ("assert type(s) == type(candidate())", 1.0),
        ("assert type(s).__name__ == 'Remote'", 0.0),
        ("assert type(s) == list", 0.0),
    ],
)
def test_an_object_has_the_class_that_the_program_gave_it(test, score):
    tests = f"def check(candidate):\n    s = candidate()\n    {test}\n"
    assert verify("class Stack:\n    pass", "", tests=tests, entry_point="Stack").score == score


@pytest.mark.parametrize(
    "tests", [["assert f(1) == 1"], "def check(candidate):\n    assert abs(candidate(1) - 1) < 1e-6"]
)
def test_what_follows_the_last_definition_may_fail_unless_the_program_must_end_well(tests):
    program = "def f(x):\n    return x\n\nassert f(1) == 2"
    assert verify(program, "", tests=tests, entry_point="f").score == 1.0
    strict = verify(program, "", tests=tests, entry_point="f", ends_well=True)
    assert (strict.status, strict.score) == ("judged", 0.0)
    assert (
        verify("def f(x):\n    return x\n\nprint(f(1))", "", tests=tests, entry_point="f", ends_well=True).score == 1.0
    )


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("datetime.date(2020, 1, 2)", "datetime.date(2020, 1, 2)"),
        ("datetime.timedelta(hours=30)", "datetime.timedelta(days=1, hours=6)"),
        ("range(3)", "range(0, 3)"),
        ("collections.deque([1, 2])", "collections.deque([1, 2])"),
    ],
)
def test_values_of_the_standard_library_travel(value, wanted):
    imports = "import collections, datetime\n"
    program = f"{imports}def f():\n    return {value}"
    assert verify(program, "", tests=[f"{imports}assert f() == {wanted}"]).score == 1.0
    assert verify(program, "", tests=[f"{imports}assert f() == 5"]).score == 0.0


def test_an_indented_block_after_prose_is_the_program():
    text = "The function:\n\n    def add(a, b):\n        return a + b\n\nIt adds."
    assert verify(text, "", tests=["assert add(1, 2) == 3"]).score == 1.0
