import asyncio
import itertools
import math
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from rewards.building.build import build as build_mix
from rewards.building.find import find
from rewards.building.function import FunctionReward, build
from rewards.mixing.mix import Mix
from rewards.parts.context import Context
from rewards.reward import Reward
from verifiers.runtime.verifier import Verifier

CODE = """
import asyncio
import sys

def brevity(prompts, completions, completion_ids, scale=1.0, **columns):
    return [scale / len(completion) for completion in completions]

async def later(prompts, completions, completion_ids, **columns):
    return [None for _ in completions]

def short(prompts, completions, completion_ids, **columns):
    return [1.0]

def against(completions, gold, hints, scale, *, log_metric, **columns):
    return [scale * (completion == answer) for completion, answer in zip(completions, gold)]

def no_columns(prompts, completions, completion_ids):
    return [1.0]

def of_one(completion, gold, **columns):
    return 1.0

def breaks(completions, **columns):
    return [{}["mark"] for completion in completions]

class Brief:
    def __call__(self, completions, **columns):
        return [1.0] * len(completions)

class Kind:
    scale = 2.0

    def __init__(self):
        self.bonus = 1.0

    @staticmethod
    def static(completions, **columns):
        return [len(completion) for completion in completions]

    @classmethod
    def of_class(cls, completions, **columns):
        return [cls.scale] * len(completions)

    def method(self, completions, **columns):
        return [self.bonus] * len(completions)

    class Inner:
        @staticmethod
        def static(completions, **columns):
            return [7.0] * len(completions)

class Needy:
    def __init__(self, scale):
        self.scale = scale

    def method(self, completions, **columns):
        return [self.scale] * len(completions)

brief, needy = Brief(), Needy(3.0)

def one_by_one(completions, **columns):
    for completion in completions:
        yield len(completion)

async def one_by_one_later(completions, **columns):
    for completion in completions:
        yield len(completion)

def leaves(completions, **columns):
    sys.exit(3)

def leaves_within(completions, **columns):
    yield 1.0
    sys.exit()

async def leaves_later(completions, **columns):
    async def one():
        sys.exit(4)
    await asyncio.gather(one(), one())

few = asyncio.Semaphore(1)

async def in_turn(completions, **columns):
    async def one(completion):
        async with few:
            await asyncio.sleep(0)
            return len(completion)
    return await asyncio.gather(*map(one, completions))
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "my_own_rewards.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_function_of_the_current_folder_is_found(here):
    assert build("mine", "my_own_rewards:brevity", {})(["p", "p"], ["a", "abcd"]) == [1.0, 0.25]


def test_options_become_keyword_arguments(here):
    assert build("mine", "my_own_rewards.py:brevity", {"scale": 2.0})(["p"], ["abcd"]) == [0.5]


def test_an_async_function_is_awaited(here):
    assert build("mine", "my_own_rewards.py:later", {})(["p"], ["a"]) == [None]


def test_a_misspelt_function_is_named_with_the_nearest(here):
    with pytest.raises(ValueError, match="no function 'brevty'; did you mean 'brevity'"):
        build("mine", "my_own_rewards:brevty", {})


def test_a_module_that_is_not_there_is_named(here):
    with pytest.raises(ValueError, match="no module 'my_rewards_of_old'"):
        build("mine", "my_rewards_of_old:brevity", {})


def test_a_wrong_number_of_values_is_an_error(here):
    with pytest.raises(ValueError, match="expected one number for each of 2 completions, got 1 values"):
        build("mine", "my_own_rewards.py:short", {})(["p", "p"], ["a", "b"])


def test_parameters_without_a_default_are_columns_that_the_data_must_have(here):
    assert build("mine", "my_own_rewards.py:against", {}).columns == ("gold", "hints", "scale")
    assert build("mine", "my_own_rewards.py:against", {"scale": 2}).columns == ("gold", "hints")
    assert build("mine", "my_own_rewards.py:brevity", {}).columns == ()


def test_a_column_of_an_options_name_does_not_override_it(here):
    reward = build("mine", "my_own_rewards.py:brevity", {"scale": 2.0})
    assert reward(["p"], ["abcd"], [[1]], scale=["not this"]) == [0.5]


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        ("brevity", {"scal": 2}, "no parameter 'scal' for that option; did you mean 'scale'"),
        ("brevity", {"completions": []}, "option 'completions' is passed by the trainer"),
        ("no_columns", {}, r"takes no \*\*columns at its end"),
        ("Brief", {}, "Brief is a class; name a function, or an instance"),
        ("of_one", {}, "it has a parameter 'completion', and TRL passes completions, a list with one for each"),
    ],
)
def test_what_could_not_be_called_in_training_is_refused_before_it(here, function, options, message):
    with pytest.raises(ValueError, match=message):
        build("mine", f"my_own_rewards.py:{function}", options)


def test_a_failure_says_in_which_line_of_the_users_file_it_was(here):
    line = next(number for number, text in enumerate(CODE.splitlines(), start=1) if '{}["mark"]' in text)
    made = build_mix(
        {"mine": {"function": "my_own_rewards.py:breaks"}}, Context(Verifier("exact")), {"error_budget": 1}
    )
    assert made.score(["p"], ["a"], [[]]).parts["mine"].failures == {
        0: f"KeyError: 'mark' (my_own_rewards.py, line {line})"
    }


def test_what_takes_no_keywords_is_refused():
    with pytest.raises(ValueError, match="completions cannot be passed by keyword"):
        FunctionReward(lambda completions, /, **columns: [], "mine")


def test_an_instance_that_can_be_called_is_a_reward(here):
    assert build("mine", "my_own_rewards.py:brief", {})(["p"], ["a"]) == [1.0]


@pytest.mark.parametrize(
    "result",
    [
        np.array([1.0, 0.5], dtype=np.float32),
        [np.float32(1.0), np.float64(0.5)],
        torch.tensor([1.0, 0.5], dtype=torch.bfloat16, requires_grad=True),
        [torch.tensor(1), torch.tensor(0.5)],
        (True, 0.5),
        (value for value in (1.0, 0.5)),
        map(float, ("1", "0.5")),
    ],
)
def test_arrays_and_tensors_are_taken(result):
    values = FunctionReward(lambda completions, **columns: result, "mine")(["p", "p"], ["a", "b"])
    assert values == [1.0, 0.5] and all(type(value) is float for value in values)


@pytest.mark.parametrize(
    "result", [np.ones((2, 1)), ["1", "0"], "10", 1.0, [[1.0], [2.0]], {1.0, 2.0}, None, itertools.repeat(1.0)]
)
def test_what_is_not_a_number_for_each_is_an_error(result):
    with pytest.raises(ValueError, match="expected one number for each of 2 completions, got"):
        FunctionReward(lambda completions, **columns: result, "mine")(["p", "p"], ["a", "b"])


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("Kind.static", 2.0),
        ("Kind.of_class", 2.0),
        ("Kind.method", 1.0),
        ("Kind.Inner.static", 7.0),
        ("needy.method", 3.0),
        ("one_by_one", 2.0),
        ("one_by_one_later", 2.0),
    ],
)
def test_methods_and_generators_are_rewards(here, attribute, value):
    reward = build("mine", f"my_own_rewards.py:{attribute}", {})
    assert reward(["p", "p"], ["ab", "cd"]) == [value, value]


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("Kind.statik", r"my_own_rewards.py.Kind has no function 'statik'; did you mean 'static'"),
        ("Kinds.static", "my_own_rewards.py has no 'Kinds'; did you mean 'Kind'"),
        ("Kind.scale", "has no function 'scale'"),
        ("Needy.method", "Needy.method is a method, and its class cannot be made without arguments"),
        ("", "expected module:function or path/to/file.py:function"),
    ],
)
def test_an_attribute_that_is_no_function_is_named(here, attribute, message):
    with pytest.raises(ValueError, match=message):
        build("mine", f"my_own_rewards.py:{attribute}", {})


@pytest.mark.parametrize(("function", "code"), [("leaves", "3"), ("leaves_within", "None"), ("leaves_later", "4")])
def test_sys_exit_in_a_reward_is_a_failure_of_it_and_others_go_on(here, function, code):
    mix = build_mix(
        {"one": {"function": f"my_own_rewards.py:{function}"}, "other": {"function": "my_own_rewards.py:in_turn"}},
        Context(Verifier("exact")),
        {"error_budget": 1.0},
    )
    scores = mix.score(["p", "p"], ["a", "bc"], [[], []])
    assert rf"RuntimeError: the function called sys.exit({code})" in scores.parts["one"].failures[0]
    assert scores.parts["other"].values == [1.0, 2.0]


def test_an_async_reward_keeps_its_semaphore_from_batch_to_batch_and_in_a_running_loop(here):
    reward = build("mine", "my_own_rewards.py:in_turn", {})
    batch = ["a", "bb", "ccc"]
    assert [reward(["p"] * 3, batch) for _ in range(2)] == [[1.0, 2.0, 3.0]] * 2

    async def notebook():
        return reward(["p"] * 3, batch)

    assert asyncio.run(notebook()) == [1.0, 2.0, 3.0]


def test_a_file_imports_its_neighbours(here):
    (here / "parts").mkdir()
    (here / "parts" / "lengths_of_it.py").write_text("def length(text):\n    return len(text)\n")
    (here / "parts" / "later_of_it.py").write_text("more = 1\n")
    (here / "parts" / "mine.py").write_text(
        "from lengths_of_it import length\n"
        "def brevity(completions, **columns):\n"
        "    from later_of_it import more\n"
        "    return [length(completion) + more for completion in completions]\n"
    )
    assert build("mine", "parts/mine.py:brevity", {})(["p"], ["ab"]) == [3.0]


@pytest.mark.parametrize("package", ["judges_of_it", "rewards"])  # the second is Whetstone's own name, too
@pytest.mark.parametrize("place", ["{}/mine.py", "{}/inner/mine.py", "{}", "{}/inner"])
def test_a_file_of_a_package_imports_what_stands_beside_it(tmp_path, monkeypatch, package, place):
    monkeypatch.chdir(tmp_path)
    code = (
        "from .helper import length\ndef brevity(completions, **columns):\n    return list(map(length, completions))\n"
    )
    for folder in (tmp_path / package, tmp_path / package / "inner"):
        folder.mkdir()
        (folder / "helper.py").write_text("length = len\n")
        (folder / "mine.py").write_text(code)
        (folder / "__init__.py").write_text(code)
    assert build("mine", f"{place.format(package)}:brevity", {})(["p"], ["ab"]) == [2.0]


def test_a_module_of_a_package_is_found_by_its_dotted_name(here):
    (here / "judges_by_name").mkdir()
    (here / "judges_by_name" / "mine.py").write_text("def one(completions, **columns):\n    return [1]\n")
    assert build("mine", "judges_by_name.mine:one", {})(["p"], ["a"]) == [1.0]


def test_two_files_of_one_name_are_two_modules(here):
    for folder in ("one", "two"):
        (here / folder).mkdir()
        (here / folder / "mine.py").write_text(
            f"name = {folder!r}\ndef long(completions, **columns):\n    return [len(name + completions[0])]\n"
        )
    first, second = (find(f"{folder}/mine.py:long") for folder in ("one", "two"))
    assert first.__module__ != second.__module__


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "import not_there_at_all",
            "importing 'bad.py' failed: ModuleNotFoundError: No module named 'not_there_at_all'",
        ),
        ("def f(:", "importing 'bad.py' failed: SyntaxError"),
        ("import sys; sys.exit(1)", "importing 'bad.py' failed: SystemExit: 1"),
        ("1 / 0", "importing 'bad.py' failed: ZeroDivisionError"),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_line(here, code, message):
    (here / "bad.py").write_text(code + "\n")
    with pytest.raises(ValueError, match=message):
        build("mine", "bad.py:f", {})


def test_sys_exit_in_a_reward_module_is_a_failure_too():
    class Leaves(Reward):
        name = "leaves"

        def score(self, prompts, completions, completion_ids, **columns):
            sys.exit(0)

    scores = Mix([Leaves()], {"leaves": 1.0}, error_budget=1.0).score(["p"], ["a"], [[]])
    assert scores.parts["leaves"].failures == {0: "RuntimeError: it called sys.exit(0)"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1, 0]), [1.0, 0.0]),
        (np.array([None, 0.5], dtype=object), [None, 0.5]),
        (torch.ones(2, dtype=torch.bfloat16, requires_grad=True), [1.0, 1.0]),
        ([torch.tensor(2.0), np.bool_(True)], [2.0, 1.0]),
        ([Decimal("0.5"), Fraction(1, 4)], [0.5, 0.25]),
        ([10**400, -(10**400)], [math.inf, -math.inf]),  # the mix makes these failures of their rows
        ({"a": 1, "b": 0}.values(), [1.0, 0.0]),
        (map(int, "10"), [1.0, 0.0]),
        (range(2), [0.0, 1.0]),
        ((True, None), [1.0, None]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_holds_a_number_for_each_completion_will_do(values, expected):
    assert FunctionReward(lambda completions, **columns: values, "f")(["p", "p"], ["a", "b"]) == expected


@pytest.mark.parametrize(
    ("values", "got"),
    [
        (None, "got None"),
        (1.0, "got float"),
        ([1.0], "got 1 values"),
        ([1.0] * 3, "got 3 values"),
        ("10", "got str"),
        (b"10", "got bytes"),
        ({1.0, 0.0}, "got set"),
        ({"score": 1.0}, "got dict"),
        ([{"score": 1.0}] * 2, r"got \{'score': 1.0\} for completion 1"),
        ([1.0, "0"], "got '0' for completion 2"),
        ([1.0, 1j], "got 1j for completion 2"),
        (np.ones((2, 1)), r"got \[1.0\] for completion 1"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number_for_each_completion_is_named(values, got):
    with pytest.raises(ValueError, match=f"one number for each of 2 completions.*{got}"):
        FunctionReward(lambda completions, **columns: values, "f")(["p", "p"], ["a", "b"])


def test_a_function_that_empties_its_own_copy_of_the_completions_is_counted_by_what_it_was_given():
    def reward(completions, **columns):
        texts = list(completions)
        completions.clear()
        return [float(len(text)) for text in texts]

    assert FunctionReward(reward, "mine").score(["p"] * 2, ["a", "bb"], [[1], [2]]).values == [1.0, 2.0]


def test_a_function_without_a_return_is_told_what_it_may_lack():
    with pytest.raises(ValueError, match="got None; does the function return its values"):
        FunctionReward(lambda completions, **columns: None, "mine").score(["p"], ["a"], [[1]])
