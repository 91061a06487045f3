"""Shared by all tests: nothing is written outside pytest's folders, and nothing is asked of a hub."""

import os

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
