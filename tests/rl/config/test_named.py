from pathlib import Path

import pytest

from rl.cli import run
from rl.config import load
from rl.config.named import missing_on_hub
from rl.errors import UserError

GRPO = str(Path(__file__).parents[3] / "configs" / "grpo.yaml")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "prm").mkdir(parents=True)
    (tmp_path / "runs" / "prm" / "config.json").write_text("{}")
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
        ("process.model=runs/prn", "rewards.process.model: no folder 'runs/prn'; did you mean 'prm'"),
        ("process.model=./gone", "no folder './gone'"),
        ("process.model=/gone/away", "no folder '/gone/away'"),
        ("process.model=a/b/c", "no folder 'a/b/c'"),
        ("process.model=empty", "the folder 'empty' holds no model"),
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
    assert "owner/never-downloaded is not on this machine; it is asked of the hub when a run starts" in out
