"""Which text of a completion is the program."""

import pytest

from verifiers.execution.extraction import program

ADD = "def add(a, b):\n    return a + b"
FENCE = "```"


def block(code, mark="python", fence=FENCE):
    return f"{fence}{mark}\n{code}\n{fence}"


@pytest.mark.parametrize(
    "completion",
    [
        block(ADD) + "\nFor example:\n" + block("print(add(1, 2))") + "\nwhich prints\n" + block("3", ""),
        block(ADD) + "\n" + block("assert add(1, 2) == 3\nassert add(0, 0) == 0"),
        block(ADD, "") + "\nUsage:\n" + block(">>> add(1, 2)\n3", ""),
        block(ADD) + "\n" + block("python add.py", "bash"),
        "First try:\n" + block("def add(a, b):\n    return a - b") + "\nThat is wrong:\n" + block(ADD),
        block(ADD) + "\nThe signature is\n" + block("def add(a, b): ..."),
        block(ADD, "python3.11"),
        block(ADD, "Python"),
        block(ADD, "{.python .numberLines}"),
        block(ADD, ' py title="add.py"'),
        block(ADD, "python", "~~~"),
        block(ADD, "", "~~~~"),
        f"```python\n{ADD}",
        f"{ADD}\n```\nThis adds two numbers.",
        f"{ADD}\n```\nFor example:\n```python\nadd(1, 2)\n```",
        f"The program is ```python\n{ADD}\n```",
        f"```python\n{ADD}```\nDone.",
        f"<answer>\n{block(ADD)}\n</answer>",
        f"<answer>{ADD}</answer>",
        f"<think>\n{block('def add(a, b): return 0')}\n</think>\n{block(ADD)}",
        f"{block('def add(a, b): return 0')}\n</think>\n{block(ADD)}",
        f"{block(ADD)}\n\nQuestion: subtract.\n{block('def add(a, b): return 0')}",
        f"{block(ADD)}<|im_end|>\n<|im_start|>user\n{block('def add(a, b): return 0')}",
        f"{ADD}\n\nQ: subtract\n\ndef add(a, b): return 0",
        f"Here is the function:\n\n{ADD}\n\nThis function returns the sum.",
        f"[PYTHON]\n{ADD}\n[/PYTHON]",
        f"BEGIN\n{ADD}\n[DONE]",
        "> ```python\n> def add(a, b):\n>     return a + b\n> ```",
        "1. Add:\n   ```python\n   def add(a, b):\n       return a + b\n   ```",
        block(ADD).replace("\n", "\r\n"),
        block(ADD, "text"),
    ],
)
def test_the_program_is_the_block_that_defines_what_is_called(completion):
    scope = {}
    exec(program(completion, ["add"]), scope)
    assert scope["add"](1, 2) == 3


def test_a_fence_in_a_string_does_not_close_the_block():
    code = f'def add(a, b):\n    """Adds.\n\n    {FENCE}\n    add(1, 2)\n    {FENCE}\n    """\n    return a + b\n'
    assert program(block(code.rstrip()) + "\nDone.", ["add"]) == code


def test_a_string_that_never_ends_does_not_swallow_the_rest():
    assert program(block('x = """\n1', "python") + "\nand\n" + block(ADD), ["add"]).rstrip() == ADD


def test_helpers_and_imports_in_other_blocks_belong_to_the_program():
    completion = "\n".join(
        [
            block("import math"),
            block("def half(x):\n    return math.floor(x / 2)"),
            block("def f(x):\n    return half(x)"),
            block("unrelated = 1"),
            block("assert f(5) == 2"),
        ]
    )
    text = program(completion, ["f"])
    assert "unrelated" not in text and "assert" not in text
    scope = {}
    exec(text, scope)
    assert scope["f"](5) == 2


def test_a_method_of_leetcodes_class_is_defined_by_its_block():
    code = "class Solution:\n    def twoSum(self, a):\n        return a"
    assert program(block(code) + "\n" + block("print(Solution())"), ["twoSum"]).rstrip() == code


def test_a_program_that_is_run_is_no_example_and_no_output():
    code = "total = 3\nprint(total + 4)"
    assert program(block(code) + "\nOutput:\n" + block("8", "")).rstrip() == code
    assert program(block(code, "") + "\nOutput:\n" + block("8", "")).rstrip() == code


def test_blocks_of_a_notebook_go_together():
    assert program(block("x = 3") + "\nthen\n" + block("print(x + 4)")) == "x = 3\n\n\nprint(x + 4)\n"


def test_a_script_is_the_block_that_reads():
    code = "n = int(input())\nprint(n)"
    assert program(block(code) + "\nTry\n" + block("print(4)"), reads=True).rstrip() == code


@pytest.mark.parametrize("body", ["    return a + b", "return a + b", "    return a + b\n\n\nprint(add(", block(ADD)])
def test_a_completion_may_go_on_where_the_prompt_ended(body):
    scope = {}
    exec(program(body, ["add"], starter='def add(a, b):\n    """The sum."""\n'), scope)
    assert scope["add"](1, 2) == 3


@pytest.mark.parametrize(
    "text",
    [
        "```" * 100_000,
        "``` " + " " * 100_000 + "`",
        "```\n" * 30_000,
        '"""\n```\n' * 10_000,
        "<answer>" * 30_000,
        "def f(:\n" * 10_000,
        "x = '\n" * 30_000,
        "(" * 100_000,
        "a" * 100_000 + "=",
        "\ud800```",
    ],
)
def test_hostile_text_is_read_to_some_program(text):
    assert isinstance(program(text, ["f"]), str)
    assert isinstance(program(text, ["f"], reads=True, starter="def f():\n"), str)
