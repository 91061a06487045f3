"""Traces by an endpoint, against a real local server: what it is asked, what is lost, and how a draw goes on."""

import json
import threading

import pytest

from rl import config as configuration
from rl import traces
from rl.config.examples import Examples
from rl.errors import UserError
from rl.examples.reading import IMITATED, read
from rl.tasks import chain
from rl.traces import draw_traces
from tests.judge_server import reply, server
from tests.rl.conftest import SMALL

__all__ = ["server"]


@pytest.fixture
def config(server, tmp_path, monkeypatch):
    monkeypatch.setenv("WHETSTONE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("A_KEY", "of-the-test")
    own = ["name=x", "task=chain", "policy.model=embedded", "algorithm=grpo", "sampling.max_tokens=16"]
    own += [f"{key}={value}" for key, value in SMALL.items()] + ["rewards.correctness.weight=1"]
    given = {"model": "m", "base_url": server.base_url, "key": "A_KEY", "wait": 0.01}

    def make(*overrides, **options):
        endpoint = f"sampling.endpoint={json.dumps({**given, **options})}"
        return configuration.load(None, [*own, endpoint, "sampling.completions=2", *overrides])

    return make


@pytest.fixture
def answers(server):
    """Lets the server answer by turns; each reply says which draw of its question it is."""

    def by(respond):
        asked: dict[str, int] = {}

        def answer(request):
            question = request["messages"][-1]["content"]
            asked[question] = asked.get(question, 0) + 1
            return respond(question.splitlines()[0], asked[question])

        server.answer = answer
        return asked

    return by


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def cut(content):
    whole = reply(content)
    whole["choices"][0]["finish_reason"] = "length"
    return whole


def test_each_question_is_asked_so_many_times_and_a_fit_reads_what_is_right(config, server, answers, task, tmp_path):
    answers(lambda question, draw: reply(chain.solve(question) if draw == 1 else "1#x"))
    chosen = config(prompt="{prompt}\nStep by step.", request={"seed": None, "top_p": 0.5})
    counts = draw_traces(chosen, tmp_path / "a.jsonl", by="endpoint", prompts=5, keep="right")
    assert counts == {"drawn": 10, "right": 5, "written": 5, "cut_off": 0, "failed": 0}
    asked = server.requests[0][2]
    assert asked["messages"] == [{"role": "user", "content": asked["messages"][0]["content"]}]
    assert asked["messages"][0]["content"].endswith("?\nStep by step.")
    assert (asked["temperature"], asked["max_tokens"], asked["top_p"]) == (1.0, 16, 0.5) and "seed" not in asked
    assert server.requests[0][1] == "Bearer of-the-test" and len(server.requests) == 10
    rows = lines(tmp_path / "a.jsonl")
    assert [row["completion"] for row in rows] == [chain.solve(row["prompt"]) for row in rows]
    found = read(Examples(data=str(tmp_path / "a.jsonl")), task, chosen.task, IMITATED).rows[str(tmp_path / "a.jsonl")]
    assert [row.texts[0] for row in found] == [row["completion"] for row in rows]


def test_replies_that_are_cut_off_are_left_out_and_counted_and_slow_servers_are_asked_again(
    config, server, answers, tmp_path
):
    slow = iter([(429, {"error": {"message": "slow"}}, {"Retry-After": 0}), (503, {})])
    lock = threading.Lock()

    def respond(question, draw):
        with lock:
            refusal = next(slow, None)
        return refusal or (cut("1+1=") if draw == 1 else reply("1#1"))

    answers(respond)
    counts = draw_traces(config(concurrency=1), tmp_path / "a.jsonl", by="endpoint", prompts=4)
    assert len(server.requests) == 10
    # the first question's first reply is the server's third answer to it, and so a whole one
    assert counts["cut_off"] == 3 and counts["drawn"] == 5 == len(lines(tmp_path / "a.jsonl"))


def test_too_many_failures_stop_the_draw_and_few_are_counted(config, server, answers, tmp_path):
    answers(lambda question, draw: (400, {"error": {"message": "no such model"}}))
    with pytest.raises(UserError, match=r"sampling\.endpoint: 8 of 8 requests failed, .*the first: .*no such model"):
        draw_traces(config(), tmp_path / "a.jsonl", by="endpoint", prompts=4)
    left = iter(range(1))
    answers(lambda question, draw: (400, {}) if next(left, None) is not None else reply("1#1"))
    counts = draw_traces(config(), tmp_path / "a.jsonl", by="endpoint", prompts=4)
    assert counts["failed"] == 1 and counts["drawn"] == 7


def test_a_limit_stops_the_draw_and_a_higher_one_goes_on_without_paying_twice(
    config, server, answers, tmp_path, monkeypatch
):
    monkeypatch.setattr(traces, "CHUNK", 2)
    answers(lambda question, draw: reply(f"{draw}#1"))
    out = tmp_path / "a.jsonl"
    with pytest.raises(
        UserError, match=r"sampling\.endpoint: limit\.requests of 7 is reached; completions so far are kept"
    ):
        draw_traces(config(limit={"requests": 7}), out, by="endpoint", prompts=6)
    assert len(server.requests) == 7 and not out.exists()
    with pytest.raises(UserError, match=r"limit\.requests of 7 is reached"):  # the count outlives the process
        draw_traces(config(limit={"requests": 7}), out, by="endpoint", prompts=6)
    assert len(server.requests) == 7
    counts = draw_traces(config(limit={"requests": 12}), out, by="endpoint", prompts=6)
    assert counts["drawn"] == 12 and len(server.requests) == 12
    assert sorted(row["completion"] for row in lines(out)) == ["1#1"] * 6 + ["2#1"] * 6
    assert [path.name for path in tmp_path.glob(".*")] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": ""}, "sampling.endpoint.model: is needed"),
        ({"base_url": "nowhere"}, "sampling.endpoint.base_url: expected an address"),
        ({"key": "NOT_SET"}, "the environment variable NOT_SET is not set"),
        ({"rubric": "x"}, "no option 'rubric'"),
        ({"prompt": "{answer}"}, "sampling.endpoint.prompt: the row has no column 'answer'"),
        ({"request": {"n": 3}}, "sampling.endpoint.request: n cannot be set here"),
        ({"limit": {"money": 1}}, "sampling.endpoint.limit.money: needs prices"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_anything_is_asked(config, server, tmp_path, options, message):
    with pytest.raises(UserError) as error:
        draw_traces(config(**options), tmp_path / "a.jsonl", by="endpoint")
    assert message in str(error.value) and server.requests == []


def test_without_an_endpoint_there_is_nobody_to_ask(config, tmp_path):
    with pytest.raises(UserError, match=r"sampling\.endpoint: is needed with --by endpoint"):
        draw_traces(config("sampling.endpoint=null"), tmp_path / "a.jsonl", by="endpoint")
