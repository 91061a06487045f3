"""Runs in stages: each from the policy before it, killed and resumed, and what is refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from rl import config as configuration
from rl import stages as stages_module
from rl.errors import UserError
from rl.stages import train_stages
from rl.storage.run_folder import RunFolder
from rl.tasks import chain
from tests.rl.conftest import SMALL

YAML = """
name: two
policy: {model: embedded}
task: {name: chain}
algorithm: {name: grpo}
rewards: {correctness: {weight: 1.0}}
sampling: {max_tokens: 16}
stages:
  imitate:
    algorithm: {name: sft, examples: traces.jsonl}
    trainer: {max_steps: 2}
  explore:
    algorithm: {name: ppo}
    trainer: {max_steps: 2, steps_per_generation: 1, save_steps: 1}
"""


@pytest.fixture
def config(task, tmp_path, monkeypatch, cache):
    monkeypatch.chdir(tmp_path)
    rows = [{"prompt": row["prompt"], "completion": chain.solve(row["prompt"])} for row in task.splits["train"]]
    (tmp_path / "traces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "two.yaml").write_text(YAML)
    small = {key: value for key, value in SMALL.items() if not key.startswith(("trainer.max", "trainer.save"))}
    own = [f"{key}={value}" for key, value in {**small, "evaluation.every": 0}.items()]
    return lambda *overrides: configuration.load_stages("two.yaml", [*own, *overrides])


def weights(stage):
    return load_file(f"runs/two/two.{stage}/model/model.safetensors")


def test_each_stage_has_its_own_settings_over_the_shared_ones_and_the_command_line_over_both(config):
    found = config("stages.explore.trainer.max_steps=3", "seed=7")
    assert list(found) == ["imitate", "explore"]
    imitate, explore = found.values()
    assert (imitate.algorithm.name, explore.algorithm.name) == ("sft", "ppo")
    assert (imitate.trainer["max_steps"], explore.trainer["max_steps"]) == (2, 3)
    assert (imitate.seed, explore.seed) == (7, 7) and imitate.name == "two.imitate"
    assert imitate.policy.model == "embedded" and explore.policy.model == "runs/two/two.imitate/model"
    assert config("trainer.max_steps=1")["explore"].trainer["max_steps"] == 1
    assert config("stages.explore.policy.model=embedded")["explore"].policy.model == "embedded"


def test_a_stage_begins_with_the_policy_that_the_one_before_it_left(config):
    summary = train_stages(config())
    first, second = summary["stages"].values()
    assert second["before"]["greedy"] == first["after"]["greedy"]
    assert json.loads(Path("runs/two/summary.json").read_text()) == summary
    page = Path("runs/two/report.html").read_text()
    assert "after imitate" in page and "after explore" in page and 'href="two.explore/report.html"' in page
    linked = load_file("runs/two/model/model.safetensors")
    assert all(torch.equal(linked[name], tensor) for name, tensor in weights("explore").items())


class Killed(Exception):
    pass


def test_a_run_that_is_killed_between_stages_goes_on_and_ends_the_same(config, monkeypatch):
    train_stages(config("name=whole", "logging.folder=whole"))
    real = stages_module.train

    def killed(one, **more):
        if one.name.endswith("explore"):
            raise Killed
        return real(one, **more)

    monkeypatch.setattr(stages_module, "train", killed)
    with pytest.raises(Killed):
        train_stages(config())
    trained = []
    monkeypatch.setattr(stages_module, "train", lambda one, **more: trained.append(one.name) or real(one, **more))
    train_stages(config())
    assert trained == ["two.explore"]
    whole = load_file("whole/whole/whole.explore/model/model.safetensors")
    assert all(torch.equal(whole[name], tensor) for name, tensor in weights("explore").items())
    train_stages(config())  # nothing is left to do
    assert trained == ["two.explore"]
    train_stages(config("stages.explore.trainer.max_steps=3"))  # the last stage is extended
    assert trained == ["two.explore"] * 2
    assert json.loads(RunFolder("runs/two/two.explore").summary.read_text())["steps"] == 3
    with pytest.raises(UserError, match="config of stage imitate changed, and stage explore went on from the policy"):
        train_stages(config("stages.imitate.trainer.max_steps=3"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("stages.explore.trainer.beta_=1", "command line: stages.explore: trainer.beta_: GRPOConfig has no such"),
        ("stages.explore.polcy.model=x", "command line: stages.explore: polcy: unknown key; did you mean 'policy'?"),
        ("stages.explore=3", "command line: stages.explore: expected a mapping of sections, got 3"),
        ("stages=3", "command line: stages: expected a mapping"),
    ],
)
def test_what_is_wrong_with_a_stage_names_it(config, override, message):
    with pytest.raises(UserError) as error:
        config(override)
    assert str(error.value).startswith(message)


def test_a_command_that_takes_one_run_says_that_there_are_several(config):
    with pytest.raises(UserError, match=r"two.yaml: stages: imitate, explore are runs of their own"):
        configuration.load("two.yaml")
    assert configuration.load_stages(None, ["name=x"]) == {}


TAUGHT = """
stages:
  teacher:
    algorithm: {name: sft, examples: traces.jsonl}
    trainer: {max_steps: 2}
  student:
    policy: {model: embedded}
    algorithm: {name: sft, examples: traces.jsonl, teacher: stages.teacher}
    trainer: {max_steps: 2}
"""


@pytest.fixture
def taught(config, tmp_path):
    (tmp_path / "two.yaml").write_text(YAML.partition("stages:")[0] + TAUGHT.lstrip())
    return config


@pytest.mark.parametrize("teacher", ["stages.teacher", "{model: stages.teacher}", "[{model: stages.teacher}]"])
def test_a_model_may_be_called_by_an_earlier_stage(taught, tmp_path, teacher):
    file = tmp_path / "two.yaml"
    file.write_text(file.read_text().replace("teacher: stages.teacher", f"teacher: {teacher}"))
    student = taught("seed=3")["student"]
    assert student.algorithm.teacher[0].model == "runs/two/two.teacher/model"
    assert student.policy.model == "embedded"  # what the stage's own section says, whatever the command line adds
    with pytest.raises(
        UserError, match=r"stages\.student: .*'stages.taecher' is not a stage before.*'stages.teacher'\?"
    ):
        taught("stages.student.algorithm.teacher=stages.taecher")


def test_a_student_learns_from_the_stage_before_it(taught):
    train_stages(taught())
    lines = [json.loads(line) for line in Path("runs/two/two.student/metrics.jsonl").read_text().splitlines()]
    said = [line["teacher/forward"] for line in lines if "teacher/forward" in line]
    assert len(said) == 2 and 0 < said[0] < 10
