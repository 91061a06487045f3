"""Shared by all tests: nothing is written outside pytest's folders, and nothing is asked of a hub."""

import importlib
import os
import sys
from pathlib import Path

import pytest

os.environ.update(
    HF_HUB_OFFLINE="1", WANDB_MODE="disabled", TOKENIZERS_PARALLELISM="false", TRANSFORMERS_VERBOSITY="error"
)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Warm-started policies of this test run, in a folder of their own."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["WHETSTONE_CACHE"] = str(folder)
    return folder


BENCH = Path(__file__).parents[1] / "bench"
SCRIPTS = sorted(file.stem for file in BENCH.glob("*.py"))


@pytest.fixture
def bench(monkeypatch):
    """Modules of `bench/`, found as its scripts find each other."""
    monkeypatch.syspath_prepend(str(BENCH))
    for name in SCRIPTS:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module
    for name in SCRIPTS:
        sys.modules.pop(name, None)
