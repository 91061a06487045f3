"""The workspace in W&B, as what would be sent."""

import pytest
import wandb

from rl.analysis.reports.report import CURVES
from rl.analysis.reports.runs import read_run
from rl.errors import UserError
from rl.runs import dashboard
from tests.rl.analysis.reports.conftest import write_run


@pytest.fixture
def run(small, tmp_path):
    folder = write_run(tmp_path / "mine", [*small, "logging.project=ours"])
    folder.wandb_id.write_text("abcd1234\n")
    return folder


def test_a_section_for_each_question_has_the_metrics_as_wandb_has_them(run):
    pytest.importorskip("wandb_workspaces")
    view = dashboard.workspace(read_run(run.path), "me")._to_model()
    bank = view.spec.section.panel_bank_config.sections
    assert [section.name for section in bank] == [*CURVES, "What does it cost?", "What does it say?"]
    charts = {panel.config.chart_title: panel.config.metrics for section in bank[:-1] for panel in section.panels}
    assert charts["Reward while training"] == ["rewards/correctness/mean", "rewards/steps/mean"]
    assert charts["Entropy of the policy"] == ["policy/entropy"]
    assert charts["Tokens a second"] == ["time/tokens_per_second"]
    assert (view.entity, view.project) == ("me", "ours")
    assert len(view.spec.section.run_sets[0].pinned_run_ids) == 1


def test_what_is_missing_is_named(run, monkeypatch):
    monkeypatch.setattr(dashboard, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs wandb-workspaces; pip install 'whetstone-rl\[dashboard\]'"):
        dashboard.save_workspace(run.path)
    monkeypatch.setattr(dashboard, "find_spec", lambda name: object())
    run.wandb_id.unlink()
    with pytest.raises(UserError, match=r"was not logged to W&B; set logging\.wandb"):
        dashboard.save_workspace(run.path)


def test_without_a_login_or_a_network_it_says_so(run, monkeypatch):
    spaces = pytest.importorskip("wandb_workspaces.workspaces")

    def refuse(self):
        raise wandb.errors.CommError("no network")

    monkeypatch.setattr(spaces.Workspace, "save", refuse)  # asking W&B itself would start a session for all tests
    with pytest.raises(UserError, match=r"the workspace was not saved \(no network\); run `wandb login`"):
        dashboard.save_workspace(run.path, "me")
