import numpy as np
import pytest
import torch

from rewards.building.function import FunctionReward, build

CODE = """
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

class Brief:
    def __call__(self, completions, **columns):
        return [1.0] * len(completions)

brief = Brief()
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
    with pytest.raises(ValueError, match="one number for each of 2 completions is wanted, got 1 values"):
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
    ],
)
def test_what_could_not_be_called_in_training_is_refused_before_it(here, function, options, message):
    with pytest.raises(ValueError, match=message):
        build("mine", f"my_own_rewards.py:{function}", options)


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
    ],
)
def test_arrays_and_tensors_are_taken(result):
    values = FunctionReward(lambda completions, **columns: result, "mine")(["p", "p"], ["a", "b"])
    assert values == [1.0, 0.5] and all(type(value) is float for value in values)


@pytest.mark.parametrize(
    "result", [np.ones((2, 1)), ["1", "0"], "10", 1.0, [[1.0], [2.0]], (x for x in (1.0, 2.0)), None]
)
def test_what_is_not_a_number_for_each_is_an_error(result):
    with pytest.raises(ValueError, match="one number for each of 2 completions is wanted, got"):
        FunctionReward(lambda completions, **columns: result, "mine")(["p", "p"], ["a", "b"])
