import pytest

from rewards.function import build

CODE = """
def brevity(prompts, completions, completion_ids, scale=1.0, **columns):
    return [scale / len(completion) for completion in completions]

async def later(prompts, completions, completion_ids, **columns):
    return [None for _ in completions]

def short(prompts, completions, completion_ids, **columns):
    return [1.0]
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
