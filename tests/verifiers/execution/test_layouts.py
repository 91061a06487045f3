"""Layouts in which small models write a program that tests call, judged through `verify`."""

import pytest

from verifiers.code import verify

FENCE = "```"
ADD = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a - b\n"
TESTS = ["assert add(1, 2) == 3", "assert add(5, -5) == 0"]
SIGNATURE = (
    'from typing import List\n\n\ndef below(numbers: List[int], t: int) -> bool:\n    """Whether all are below t."""\n'
)
BELOW = "def check(candidate):\n    assert candidate([1, 2], 5)\n    assert not candidate([1, 20], 5)\n"
SUM = "n = int(input())\nprint(sum(map(int, input().split())))\n"
SUMS = {"inputs": ["3\n1 2 3\n", "2\n10 20\n"], "outputs": ["6\n", "30\n"]}


def block(code, mark="python"):
    return f"{FENCE}{mark}\n{code}{FENCE}\n"


RIGHT = {
    "a word after it": ADD + "\nDone",
    "the language's name without a fence": "python\n" + ADD + FENCE,
    "the language's name and no fence": "python\n" + ADD,
    "blocks in a block": f"````markdown\n{block(ADD)}````",
    "a tag on the line of the code": f"<code>{ADD}</code>",
    "tags of HTML": f"<pre><code>\n{ADD}</code></pre>",
    "an example beside a tag": f"[PYTHON]\n{ADD}[/PYTHON]\n[TESTS]\nassert add(1, 2) == 4\n[/TESTS]",
    "the next task of MBPP": f"{ADD}[DONE]\n\nYou are an expert.\n[BEGIN]\n{WRONG}[DONE]\n",
    "a session": ">>> def add(a, b):\n...     return a + b\n...\n>>> add(1, 2)\n3\n",
    "a session in a block": block(">>> def add(a, b):\n...     return a + b\n...\n>>> add(1, 2)\n3\n"),
    "a notebook": "In [1]: def add(a, b):\n   ...:     return a + b\n\nIn [2]: add(1, 2)\nOut[2]: 3\n",
    "an example that imports it": block(ADD) + block("from add import add\nprint(add(1, 2))\n"),
    "line ends of old": block(ADD).replace("\n", "\r"),
    "a byte order mark": "\ufeff" + ADD,
    "spaces that do not break": block("def add(a, b):\n\u00a0\u00a0\u00a0\u00a0return a + b\n"),
    "an invisible space": block("def add(a, b):\n    return a + b\u200b\n"),
    "code on the line of the fence": f"{FENCE}python def add(a, b):\n    return a + b\n{FENCE}",
    "code in a sentence": "The function is `add = lambda a, b: a + b`.",
    "an end that is cut off": f"{FENCE}python\n{ADD}\nprint(add(1",
    "everything indented": "    def add(a, b):\n        return a + b\n",
    "a sentence that begins like code": "def is a keyword. We define add:\n\n" + ADD,
    "prose in the block": block("Here is the code:\n" + ADD + "\nIt adds two numbers."),
    "output in a block, code beside it": "Output:\n" + block("3\n", "") + "\nCode:\n" + ADD,
    "code, then output in a block": ADD + "\nOutput:\n" + block("3\n", ""),
    "a template after it": block(ADD) + "Template:\n" + block("def add(a, b):\n    raise NotImplementedError\n"),
    "pseudo-code after it": block(ADD) + "Or:\n" + block("def add(a, b):\n  if a is given then sum\n", ""),
    "a fence of quotes": "'''python\n" + ADD + "'''",
    "print of Python 2 at the end": block(ADD + "print add(1, 2)\n"),
    "an example that fails": block(ADD + "print(add(1))\n"),
    "a check of its own that fails": block(ADD + "assert add(1, 2) == 4\n"),
    "a question to the user": block(ADD + 'a = int(input("a: "))\nprint(add(a, 1))\n'),
    "a main that reads": block(ADD + 'if __name__ == "__main__":\n    print(add(int(input()), 1))\n'),
    "a main before the definition": block('if __name__ == "__main__":\n    print(add(1, 2))\n' + ADD),
    "arguments of a command line": block("import sys\n" + ADD + "print(add(*sys.argv[1:]))\n"),
    "an exit at the end": block(ADD + "exit()\n"),
    "an annotation that is not imported": block(
        "def add(a: Optional[int], b: List) -> Optional[int]:\n    return a + b\n"
    ),
}


@pytest.mark.parametrize("layout", RIGHT)
def test_a_right_function_is_found_in_every_layout(layout):
    assert verify(RIGHT[layout], "", tests=TESTS).reason == "right"


WRONGS = {
    "cut off in the function": f"{FENCE}python\ndef add(a, b):\n    return a +",
    "a later definition that is broken": block(ADD + "\ndef add(a, b:\n    return a - b\n"),
    "a later definition that is wrong": block(ADD + WRONG),
    "deleted at the end": block(ADD + "del add\n"),
    "an error before the definition": block("1 / 0\n" + ADD),
    "an exit before the definition": block("exit(0)\n" + ADD),
    "an exit of the process": block(ADD + "import os\nos._exit(0)\n"),
    "an endless example": block(ADD + "while True:\n    pass\n"),
    "a wrong draft in a sentence": "Not `add = lambda a, b: a + b` but\n" + block(WRONG),
    "a right draft, then a broken program": block(ADD) + "Better:\n" + block("def add(a, b):\n    return a +\n"),
    "another language": block("function add(a, b) { return a + b; }\n", "javascript"),
    "another name": block("def plus(a, b):\n    return a + b\n"),
    "a method": block("class Numbers:\n    def add(self, a, b):\n        return a + b\n"),
}


@pytest.mark.parametrize("layout", WRONGS)
def test_a_wrong_or_broken_program_is_accepted_in_no_layout(layout):
    verdict = verify(WRONGS[layout], "", tests=TESTS, seconds=1.0)
    assert (verdict.status, verdict.score) == ("judged", 0.0)


@pytest.mark.parametrize(
    "body",
    [
        "for n in numbers:\n        if n >= t:\n            return False\n    return True\n",
        "    return all(n < t for n in numbers)\n\n\ndef other(x):\n    return x\n\nprint(other(",
        "    return all(n < t for n in numbers)\n\n\ndef check(candidate):\n    pass\n",
        "\treturn all(n < t for n in numbers)\n",
        "def below(numbers: List[int], t: int) -> bool:\n    return all(n < t for n in numbers)\n",
        "    return all(n < t for n in numbers)\n" + FENCE + "\nThis works.",
    ],
)
def test_a_continuation_of_the_prompt_is_read_in_the_ways_it_is_cut(body):
    assert verify(body, "", tests=BELOW, entry_point="below", starter=SIGNATURE).reason == "right"


def test_a_continuation_that_closes_the_docstring_again_does_not_parse():
    body = '    """\n    return all(n < t for n in numbers)\n'
    assert verify(body, "", tests=BELOW, entry_point="below", starter=SIGNATURE).score == 0.0


def test_a_continuation_of_a_method_is_indented_as_one():
    starter = "class Solution:\n    def add(self, a: int, b: int) -> int:\n"
    tests = {"fn_name": "add", "inputs": [[1, 2]], "outputs": [3]}
    for body in ("        return a + b\n", "return a + b"):
        assert verify(body, "", tests=tests, starter=starter).reason == "right"


def test_a_sketch_of_a_class_is_not_the_class():
    full = block("class Box:\n    def __init__(self):\n        self.x = 3\n")
    assert verify(full + "Sketch:\n" + block("class Box:\n    ...\n"), "", tests=["assert Box().x == 3"]).score == 1.0
    assert verify(block("class Box: pass\n"), "", tests=["assert isinstance(Box(), Box)"]).score == 1.0


def test_a_script_in_prose_is_found_and_a_cut_off_one_is_wrong():
    assert verify("Solution:\n\n" + SUM + "\nIt reads n.", "", tests=SUMS).reason == "right"
    assert verify(f"{FENCE}python\n{SUM}print('x", "", tests=SUMS).score == 0.0


def test_the_main_part_of_a_script_is_run():
    main = "def main():\n    input()\n    print(sum(map(int, input().split())))\n\n"
    code = main + "if __name__ == '__main__':\n    main()\n"
    assert verify(code, "", tests=SUMS).reason == "right"
    assert verify(block("if __name__ == '__main__':\n    print(7)\n"), "7").score == 1.0


def test_a_session_is_run_as_it_was_typed():
    assert verify(block(">>> 3 * 6\n18\n"), "18").score == 1.0
    assert verify(block(">>> 3 * 6\n19\n"), "19").score == 0.0
