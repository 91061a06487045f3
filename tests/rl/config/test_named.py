from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rl.cli import run
from rl.config import load
from rl.config.named import missing_on_hub
from rl.errors import UserError

GRPO = str(Path(__file__).parents[3] / "configs" / "grpo.yaml")


def a_model(folder):
    """A folder that looks like a model's from outside: a config, and weights with one tensor."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    save_file({"weight": torch.zeros(2)}, folder / "model.safetensors")
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a_model(tmp_path / "runs" / "prm")
    (tmp_path / "empty").mkdir()
    (tmp_path / "rubric.md").write_text("Is it brief?")
    (tmp_path / "mine.py").write_text(
        "raise SystemExit('it was run')\ndef brevity(completions, **columns): ...\nclass Kind:\n    method = 1\n"
    )
    (tmp_path / "open.py").write_text("from somewhere import *\n")
    (tmp_path / "cut.py").write_text("def f(:\n")
    (tmp_path / "pack" / "inner").mkdir(parents=True)
    (tmp_path / "pack" / "__init__.py").write_text("raise SystemExit('it was run')\n")
    (tmp_path / "pack" / "inner" / "deep.py").write_text("lately = print\n")
    return tmp_path


def looked_at(*overrides):
    return missing_on_hub(load(GRPO, overrides))


@pytest.mark.parametrize(
    "overrides",
    [
        ["rewards.mine.function=mine.py:brevity"],
        ["rewards.mine.function=mine:brevity"],
        ["rewards.mine.function=mine.py:Kind.method"],
        ["rewards.mine.function=open.py:anything"],
        ["rewards.mine.function=pack.inner.deep:lately"],
        ["rewards.mine.function=pack/inner/deep.py:lately"],
        ["rewards.mine.function=os.path:join"],
        ["rewards.mine.function=math:sqrt"],
        ["rewards.mine.function=sys:exit"],
        ["rewards.mine.function=json.decoder:JSONDecoder"],
        ["rewards.process.model=runs/prm"],
        ["rewards.process.model=./runs/prm"],
        ["rewards.self_feedback.model=policy"],
        ["rewards.self_feedback.options.baseline=runs/prm"],
        ["rewards.judge.model=gpt/5/large", "rewards.judge.options.rubric_file=rubric.md"],
    ],
)
def test_what_is_there_is_found_without_importing_it(here, overrides):
    assert looked_at(*overrides) == []


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("mine.function=mime.py:brevity", "rewards.mine.function: no file 'mime.py'; did you mean 'mine.py'"),
        ("mine.function=mine.py:brevty", "rewards.mine.function: mine.py has no function 'brevty'; did you mean 'brev"),
        ("mine.function=mine:brevty", "mine has no function 'brevty'"),
        ("mine.function=pack.inner.depe:lately", "no module 'pack.inner.depe'"),
        ("mine.function=not_there:lately", "no module 'not_there'"),
        ("mine.function=cut.py:f", "cut.py is not Python: .* .line 1."),
        ("process.model=runs/prn", "rewards.process.model: no folder 'runs/prn'; did you mean 'runs/prm'"),
        ("process.model=./gone", "no folder './gone'"),
        ("process.model=/gone/away", "no folder '/gone/away'"),
        ("process.model=a/b/c", "no folder 'a/b/c'"),
        ("process.model=empty", "'empty' holds no model: it has no config.json"),
        ("process.model=rubric.md", "'rubric.md' is a file"),
        ("process.model=what?", "neither a folder here nor a name that the hub has"),
        ("self_feedback.options.baseline=./gone", "rewards.self_feedback.options.baseline: no folder './gone'"),
        ("judge.options.rubric_file=gone.md", "rewards.judge.options.rubric_file: no file 'gone.md'"),
        ("strict.kind=process", None),
    ],
)
def test_what_is_not_there_is_named(here, override, message):
    if message is None:
        assert looked_at(f"rewards.{override}") == []
    else:
        with pytest.raises(UserError, match=message):
            looked_at(f"rewards.{override}")


@pytest.mark.parametrize("command", ["check", "train"])
def test_both_commands_look_first(here, capsys, command):
    with pytest.raises(SystemExit) as stopped:
        run([command, GRPO, "rewards.process.model=./gone"])
    printed = capsys.readouterr()
    assert stopped.value.code == 2 and printed.out == ""
    assert printed.err.startswith("whetstone: rewards.process.model: no folder './gone'")


def test_check_says_what_the_hub_is_asked_for(here, capsys):
    run(["check", GRPO, "rewards.process.model=owner/never-downloaded", "task.sizes.train=64"])
    assert "process.model" in (out := capsys.readouterr().out)
    assert "owner/never-downloaded is not on this machine; a run downloads it from the hub when it starts" in out


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["policy.model=./gone"], "policy.model: no folder './gone'"),
        (["policy.model=runs/prn"], "policy.model: no folder 'runs/prn'; did you mean 'runs/prm'"),
        (["policy.model=empty"], "policy.model: 'empty' holds no model"),
        (["policy.model=rubric.md"], "policy.model: 'rubric.md' is a file"),
        (["policy.model=what?"], "policy.model: 'what.' is neither a folder here nor"),
        (["policy.model=runs/prm", "policy.chat_template=rubrik.md"], "policy.chat_template: no file 'rubrik.md'; did"),
        (["algorithm=ppo", "algorithm.critic.start=./gone"], "algorithm.critic.start: no folder './gone'"),
    ],
)
def test_the_policys_own_models_and_files_are_looked_for_too(here, overrides, message):
    with pytest.raises(UserError, match=message):
        looked_at(*overrides)


def test_a_policy_on_the_hub_is_said_to_be_asked_for(here):
    assert looked_at("policy.model=owner/never-downloaded") == [
        (
            "policy.model",
            "owner/never-downloaded is not on this machine; a run downloads it from the hub when it starts",
        )
    ]


def test_what_an_earlier_stage_is_to_leave_need_not_be_there(here):
    config = load(GRPO, ["policy.model=runs/staged/staged.one/model"])
    assert missing_on_hub(config, ["runs/staged/staged.one/model"]) == []


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("rewards.length.options.targt=3", "rewards.length: there is no option 'targt'; did you mean 'target'?"),
        ("rewards.correctness.verifier=choice", "rewards.correctness: needs a column 'choices'; the task has gold,"),
        ("rewards.mine={function: own.py:levels}", "rewards.mine: needs a column 'level'; the task has gold, prompt"),
        ("rewards.mine={function: own.py:levels, options: {levl: 1}}", "no parameter 'levl' for that option; did you"),
        ("rewards.mine={function: own.py:bare}", "rewards.mine: it takes no **columns at its end"),
    ],
)
def test_check_looks_at_options_and_columns_without_running_the_users_code(here, capsys, override, said):
    (here / "own.py").write_text(
        "raise SystemExit('it was run')\n"
        "async def levels(completions: list, level: 'Level', *, scale: float = NAME, **columns) -> None: ...\n"
        "def bare(completions): ...\n"
    )
    with pytest.raises(SystemExit) as exited:
        run(["check", GRPO, override])
    assert exited.value.code == 2 and said in capsys.readouterr().err


def test_a_folder_of_answer_models_is_not_taken_for_a_model(here):
    (here / "answers").mkdir()
    (here / "answers" / "answer_models.json").write_text("{}")
    assert missing_on_hub(load(GRPO, ["rewards.consistency={model: answers}"])) == []


@pytest.mark.parametrize("function", ["mine.py:Kind.method", "own.py:decorated", "own.py:twice", "own.py:inner"])
def test_check_leaves_functions_alone_whose_parameters_only_running_them_tells(here, function):
    nested = "def outer():\n    def inner(): ...\n    return inner\ninner = outer()\n"
    (here / "own.py").write_text(f"@some\ndef decorated(): ...\ndef twice(): ...\ndef twice(): ...\n{nested}")
    run(["check", GRPO, f"rewards.mine.function={function}"])
