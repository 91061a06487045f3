"""A secret in a config is refused without being shown, before anything can copy it."""

import pytest

from rl.config import load, load_stages, load_to_measure
from rl.errors import UserError
from tests.rl.config.test_sections import GRPO

KEY = "aVeryLongKeyOfSomebody0123456789"
JUDGE = "rewards.judge.options"


@pytest.mark.parametrize(
    "override",
    [
        f"{JUDGE}.request.extra_headers.Authorization=Bearer {KEY}",
        f"{JUDGE}.request.extra_headers.X-Api-Key={KEY}",
        f"{JUDGE}.request.extra_body.note=sk-{KEY}",
        f"{JUDGE}.base_url=https://me:{KEY}@localhost/v1",
        f"{JUDGE}.api_key={KEY}",
        f"rewards.mine.options.password={KEY}",
        "rewards.mine.options.passwd=12345678",
        f"policy.model=hf_{KEY}",
        f"sampling.endpoint.auth_token={KEY}",
        f"trainer.hub_token={KEY}",
        f"no_such_section.access_token={KEY}",
        f"task.words=[one, ghp_{KEY}]",
        "sampling.server=http://localhost/${oc.env:MY_TOKEN}",
        f"rewards.mine.options.somewhere=behind/{KEY}",
    ],
)
def test_a_secret_is_refused_and_not_shown(override, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", KEY)
    for read in (load, load_stages, lambda file, overrides: load_to_measure(file, overrides, "embedded")):
        if read not in (load, load_stages) and override.startswith(("rewards.", "trainer.", "policy.")):
            continue  # of sections that are not read, or replaced
        with pytest.raises(UserError) as refused:
            read(GRPO, [override] if read is not load_stages else [override, "stages.one.seed=1"])
        key = override.partition("=")[0]
        assert f"{key}: " in str(refused.value) and "environment variable" in str(refused.value)
        assert KEY not in str(refused.value) and "12345678" not in str(refused.value)


@pytest.mark.parametrize(
    "override",
    [
        "rewards.mine={function: 'os.path:join', options: {key: OPENAI_API_KEY, tokens: 12, secret: null}}",
        "rewards.mine={function: 'os.path:join', options: {base_url: 'http://localhost:8000/v1', task: sk-learn}}",
        "rewards.mine={function: 'os.path:join', options: {authorization: true, note: 'Bearer of news'}}",
        "sampling.stop=[token, 'a@b.c', '::']",
        "logging.folder=/tmp",
    ],
)
def test_what_is_no_secret_is_left_alone(override, monkeypatch):
    monkeypatch.setenv("SHORT_KEY", "chain")
    monkeypatch.setenv("SSH_KEY", "/tmp")
    load(GRPO, [override])
