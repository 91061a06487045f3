"""Every notebook runs from clean, and is stored without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
LONG = {"3_process_rewards", "5_compare_algorithms"}
"""Notebooks of half a minute and more, which `make notebooks` and `make test-slow` run."""


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_is_stored_without_outputs(file):
    for cell in nbformat.read(file, as_version=4).cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None


@pytest.mark.parametrize(
    "file",
    [pytest.param(file, id=file.stem, marks=[pytest.mark.slow] if file.stem in LONG else []) for file in NOTEBOOKS],
)
def test_a_notebook_runs_from_clean(file, tmp_path):
    notebook = nbformat.read(file, as_version=4)
    # found from the notebook's own folder, while what it writes lands in the test's
    (tmp_path / "configs").symlink_to(file.parents[1] / "configs")
    NotebookClient(
        notebook, timeout=400, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    figures = [
        o for c in notebook.cells if c.cell_type == "code" for o in c.outputs if "image/png" in o.get("data", {})
    ]
    assert figures
