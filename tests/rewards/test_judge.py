"""The judge, with a real local server that implements the protocol."""

import asyncio
import gzip
import json
import math
import re
import warnings

import pytest

from rewards.building.build import build
from rewards.mixing.mix import Mix
from rewards.parts import endpoint
from rewards.parts.context import Context
from rewards.parts.judge_reply import score_in
from rewards.reward import RewardBroken
from tests.judge_server import DRIBBLE, DRIBBLE_HEADERS, FLOOD, FLOOD_OF_AN_ERROR, HANG, reply
from verifiers.runtime.verifier import Verifier


@pytest.fixture
def judge(server, tmp_path, monkeypatch):
    """Builds the reward for that server, with a separate cache per test."""
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-the-test")

    def make(cache=tmp_path, run=None, **options):
        settings = {
            "base_url": server.base_url, "rubric": "Is it brief?", "wait": 0.01, **options
        }  # fmt: skip
        context = Context(Verifier("math"), cache=cache, run=run)
        return build({"judge": {"model": "m", "options": settings}}, context).rewards[0]

    return make


def scored(reward, *completions, **columns):
    return reward.score(["1+1?"] * len(completions), list(completions), [[1]] * len(completions), **columns)


def shown(request):
    return json.loads(request["messages"][-1]["content"])


def test_the_judge_is_shown_rubric_prompt_completion_and_columns(server, judge):
    scores = scored(judge(columns=["gold"]), "2", gold=["two"])
    path, authorization, request = server.requests[0]
    assert (path, authorization) == ("/v1/chat/completions", "Bearer a-key-of-the-test")
    assert request["model"] == "m" and request["temperature"] == 0
    assert request["messages"][0]["content"].startswith("Is it brief?")
    assert shown(request) == {"prompt": "1+1?", "completion": "2", "gold": "two"}
    assert scores.values == [1.0] and scores.columns["reply"] == ['{"score": 1}']


def test_each_completion_has_its_own_score_on_the_scale(server, judge):
    server.answer = lambda request: reply(json.dumps({"score": 1 + len(shown(request)["completion"])}))
    assert scored(judge(scale=[1, 5]), "", "ab", "abcd").values == [0.0, 0.5, 1.0]


def test_after_too_many_requests_and_a_broken_server_it_is_tried_again(server, judge):
    statuses = iter([(429, {"error": {"message": "slow"}}, {"Retry-After": 0}), (503, {}), reply("0.25")])
    server.answer = lambda request: next(statuses)
    scores = scored(judge(), "x")
    assert scores.values == [0.25] and not scores.failures and len(server.requests) == 3


@pytest.mark.parametrize("after", ["nan", "inf", "-5", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", ""])
def test_an_odd_retry_after_neither_stops_nor_ends_the_tries(server, judge, after):
    statuses = iter([(429, {"error": {"message": "slow"}}, {"Retry-After": after}), reply("0.25")])
    server.answer = lambda request: next(statuses)
    assert scored(judge(), "x").values == [0.25]


def test_what_a_reply_lacks_is_said(server, judge):
    server.answer = lambda request: altered("choices.0.message.refusal", "I will not judge that.")
    assert "refused to answer: 'I will not judge that.'" in scored(judge(), "a").failures[0]
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": {}}]}
    server.answer = lambda request: altered("choices.0.message", call)
    assert "an empty reply with tool calls" in scored(judge(), "a").failures[0]
    server.answer = lambda request: altered("choices.0.finish_reason", "length")
    assert "cut off (finish_reason: length); request.max_tokens" in scored(judge(), "a").failures[0]


def test_when_tries_are_used_up_it_failed(server, judge):
    server.answer = lambda request: (500, {"error": {"message": "out of order"}})
    scores = scored(judge(tries=2), "x")
    assert scores.values == [None] and "out of order" in scores.failures[0] and len(server.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 404])
def test_what_trying_again_cannot_mend_is_tried_once(server, judge, status):
    server.answer = lambda request: (status, {"error": {"message": "no"}})
    assert set(scored(judge(), "x").failures) == {0} and len(server.requests) == 1


def test_an_account_without_credit_is_not_asked_again(server, judge):
    server.answer = lambda request: (429, {"error": {"message": "pay", "code": "insufficient_quota"}})
    assert set(scored(judge(), "x").failures) == {0} and len(server.requests) == 1


@pytest.mark.parametrize("garbage", ["<html>", '{"choices": []}', "{}"])
def test_a_body_that_is_no_completion_is_a_failure(server, judge, garbage):
    server.answer = lambda request: garbage
    scores = scored(judge(), "x")
    assert scores.values == [None] and scores.failures[0].startswith("not a chat completion")


@pytest.mark.parametrize("content", ["I like it", "", '{"score": "high"}', '{"score": true}', '{"score": NaN}', "7"])
def test_an_answer_without_a_score_on_the_scale_is_a_failure_and_never_zero(server, judge, content):
    server.answer = lambda request: reply(content)
    scores = scored(judge(), "x")
    assert scores.values == [None] and set(scores.failures) == {0}
    assert scored(judge(), "x").values == [None] and len(server.requests) == 2  # and it is not kept


def test_a_server_that_hangs_is_left_in_time_and_the_others_count(server, judge):
    server.answer = lambda request: HANG if shown(request)["completion"] == "bad" else reply("1")
    scores = scored(judge(timeout=1.0, tries=2), "good", "bad")
    assert scores.values == [1.0, None] and "imed out" in scores.failures[1]


def test_a_batch_ends_by_its_own_limit_on_time(server, judge):
    server.answer = lambda request: HANG
    scores = scored(judge(batch_timeout=1.0, concurrency=1), "a", "b", "c")
    assert scores.values == [None] * 3 and len(scores.failures) == 3
    assert "batch_timeout" in scores.failures[2] and len(server.requests) == 1


def test_equal_completions_are_asked_for_once_and_known_ones_not_at_all(server, judge):
    logged = {}
    first, again = judge(), judge()
    assert scored(first, "a", "a").values == [1.0, 1.0] and len(server.requests) == 1
    assert scored(again, "a", log_metric=logged.__setitem__).values == [1.0] and len(server.requests) == 1
    assert logged["rewards/judge/cached"] == 1.0 and logged["rewards/judge/requests"] == 0
    assert scored(judge(rubric="Is it long?"), "a").values == [1.0] and len(server.requests) == 2


@pytest.mark.parametrize(
    ("limit", "prices"),
    [
        ({"requests": 2}, {}),
        ({"tokens": 43}, {}),  # 42 a reply
        ({"money": 8e-5}, {"input": 1.0, "output": 2.0}),  # 30 + 2 x 12 millionths a reply
    ],
)
def test_past_the_limit_it_abstains_and_warns_once(server, judge, limit, prices):
    reward = judge(limit=limit, prices=prices, concurrency=1)
    with pytest.warns(
        UserWarning, match=f"limit.{next(iter(limit))} of .* is reached; from here on it abstains"
    ) as told:
        scores = scored(reward, "a", "b", "c", "d")
    assert scores.values == [1.0, 1.0, None, None] and not scores.failures
    assert len(server.requests) == 2 and len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scored(reward, "a", "e").values == [1.0, None]  # what it knows it still says


def test_each_process_has_its_share_of_the_limit(server, judge, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.warns(UserWarning):
        assert scored(judge(limit={"requests": 3}, concurrency=1), "a", "b").values == [1.0, None]


@pytest.mark.parametrize(
    ("limit", "prices"),
    [({"requests": 2}, {}), ({"tokens": 43}, {}), ({"money": 8e-5}, {"input": 1.0, "output": 2.0})],
)
def test_in_a_run_the_limit_holds_over_a_restart_and_all_processes(server, judge, tmp_path, monkeypatch, limit, prices):
    monkeypatch.setenv("WORLD_SIZE", "2")

    def start():
        return judge(run=tmp_path / "run", limit=limit, prices=prices, concurrency=1)

    assert scored(start(), "a").values == [1.0]
    logged = {}
    with pytest.warns(UserWarning, match="is reached"):
        assert scored(start(), "b", "c", log_metric=logged.__setitem__).values == [1.0, None]
    assert logged["rewards/judge/requests"] == 2 and logged["rewards/judge/tokens"] == 84
    assert len(server.requests) == 2


@pytest.mark.parametrize("in_a_run", [False, True])
def test_requests_of_many_threads_are_all_counted(server, judge, tmp_path, in_a_run):
    reward = judge(run=tmp_path / "run" if in_a_run else None, limit={"requests": 20})
    with pytest.warns(UserWarning, match="is reached"):
        values = scored(reward, *map(str, range(30))).values
    assert values.count(1.0) == len(server.requests) == reward.endpoint.spent.requests == 20


def test_a_batch_timeout_beyond_the_mixs_is_refused(judge):
    with pytest.raises(ValueError, match=r"timeout: 300 s is no more than the batch_timeout of 'judge', 300 s"):
        Mix([judge(batch_timeout=300)], {"judge": 1.0})


def test_a_limit_on_tokens_that_cannot_be_held_is_a_failure(server, judge):
    server.answer = lambda request: reply("1", usage=None)
    assert "reports no usage" in scored(judge(limit={"tokens": 100}), "a").failures[0]


def test_a_judge_that_is_away_stops_the_run_by_the_mixs_budget(server, judge):
    server.answer = lambda request: (401, {"error": {"message": "who are you"}})
    with pytest.raises(RewardBroken, match=r"'judge' failed on 2 of 2 completions.*who are you"):
        Mix([judge()], {"judge": 1.0})(["p", "p"], ["a", "b"], [[1], [1]])


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ('Two is brief {it}.\n```json\n{"why": {"a": 1}, "score": 4.5}\n```', 4.5),
        (' {"score": "-2"} ', -2),
        (" 7\n", 7),
        ('{"why": "it is \\\\frac{1}{2}, {so", "score": 3}', 3),
        ('{"score": 3} … **{"score": 3.0}**.', 3),
        ('<think>perhaps {"score": 1}</think>{"score": 3}', 3),
        ('perhaps {"score": 1}</think>\n{"score": 3}<|im_end|>', 3),
        ('<think>perhaps {"score": 1}</think> 3', 3),
        ('{"score": 3, "parts": {"score": 1}}', 3),
        ('~~~\n{"score": 3}\n~~~', 3),
        ('{"why": "it quotes {\\"score\\": 1} and }", "score": 3}', 3),
        ('From {"score": s} I choose {"score": 3}', 3),
        ('{\n "why": "",\n "score" : "3" }', 3),
        ("<reasoning>1</reasoning>\n3", 3),
        ('{"a": 1} ' * 300 + '{"score": 3}', 3),
    ],
)
def test_a_score_is_read_from_the_object_that_a_reply_ends_with(reply, score):
    assert score_in(reply) == score


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        *((text, "no score") for text in ("7 of 10", "nan", "[1]", '{"score": null}', '{"score": [1]}', "")),
        *((text, "no score") for text in ("Score: 4 out of 5", "4/5", "0.5.", "1e-1", "\u0663", "'score': 1", "0,5")),
        *(
            (f'{{"score": {value}}}', "no score")
            for value in ('"4/5"', '"NaN"', ".5", "1.", "0,5", '{"value": 1}', "0.")
        ),
        *((f'{{"score": {value}}}', "no score") for value in ('"0,5"', '"4 of 5"', '"\u0663"', "true", "s", '""')),
        *(
            (text, "no score")
            for text in ('{"Score": 1}', '{"scores": 1}', '{"score": 0.5,}', "{'score': 1}", '{"score": 0.')
        ),
        ('{"why": "it ends its <think> early", "score": 1}', "no score"),
        ('{"score": 1}' + ' {"x": 1}' * 250 + ' {"score": 0}', "more than one score"),
        *((text, "no score") for text in ("{" * 200_000, '{"' * 100_000, '{"a":' * 40_000, "{ " * 100_000)),
        ('<think>perhaps {"score": 1}', "no score"),
        ('<think>perhaps {"score": 1}</think>', "no score"),
        ('perhaps {"score": 1}</think> I cannot tell', "no score"),
        ("<think>7", "no score"),
        ('{"score": 1} or {"score": 2}', "more than one score"),
        ('[{"score": 1}, {"score": 2}]', "more than one score"),
        ('{"score": 1, "score": 2}', "more than one score"),
        ('It says {"score": 10}, which is no instruction. I give {"score": 1}', "more than one score"),
        ('It says {"score": 10}, which is no instruction.', "continues after its score"),
        ('{"score": 1} But wait', "continues after its score"),
    ],
    ids=lambda text: text[:30],
)
def test_a_reply_without_one_decided_score_gives_none(reply, message):
    with pytest.raises(ValueError, match=message):
        score_in(reply)


def altered(path, value):
    """A reply with another value at a path such as `choices.0.finish_reason`."""
    body = reply('{"score": 1}')
    at, (*places, last) = body, [int(part) if part.isdigit() else part for part in path.split(".")]
    for place in places:
        at = at[place]
    at[last] = value
    return body


@pytest.mark.parametrize(
    "answer",
    [
        *(altered("choices.0.finish_reason", how) for how in ("length", "content_filter", "MAX_TOKENS", "abort")),
        altered("choices.0.message.refusal", "I will not judge that."),
        {"error": {"message": "no upstream", "code": 502}},
        (200, "<html><body>Sign in</body></html>", {"Content-Type": "text/html"}),
        (204, ""),
        altered("choices", None),
        altered("choices", {}),
        altered("choices", [None]),
        altered("choices.0.message", None),
        altered("choices.0.message", "1"),
        altered("choices.0.message.content", None),
        altered("choices.0.message.content", []),
        altered("choices.0.message.content", [{"type": "thinking", "thinking": '{"score": 1}'}]),
        reply('{"score": 1' + "0" * 5_000 + "}"),
        reply("1" * 5_000),
        reply("{" * 200_000),
        '{"choices": ' + "1" * 5_000 + "}",
        "null",
        "[1]",
        '"text"',
        b"\xff\xfe",
    ],
    ids=lambda answer: str(answer)[:20],
)
def test_one_odd_reply_is_its_own_failure_and_the_others_count(server, judge, answer):
    server.answer = lambda request: answer if shown(request)["completion"] == "odd" else reply("1")
    scores = scored(judge(tries=1), "a", "odd", "b")
    assert scores.values == [1.0, None, 1.0] and set(scores.failures) == {1}


@pytest.mark.parametrize(
    "answer",
    [
        altered("usage", {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}),
        altered("usage", {}),
        altered("usage", "many"),
        altered("usage", None),
        altered("usage.prompt_tokens", 10**400),
        altered("choices.0.message.content", [{"type": "text", "text": '{"sco'}, {"type": "text", "text": 're": 1}'}]),
        altered("choices.0.message.reasoning_content", 'perhaps {"score": 0}'),
        *(altered("choices.0.finish_reason", how) for how in (None, "", "STOP", "end_turn", "eos_token")),
        reply('\ud83d {"score": 1}'),
    ],
    ids=lambda answer: str(answer)[-60:],
)
def test_an_odd_reply_with_a_score_counts_and_is_kept(server, judge, answer):
    server.answer = lambda request: answer
    assert scored(judge(), "a").values == [1.0] == scored(judge(), "a").values
    assert len(server.requests) == 1


def test_usage_that_cannot_be_read_does_not_hold_a_limit(server, judge):
    server.answer = lambda request: altered("usage.completion_tokens", None)
    assert "reports no usage" in scored(judge(limit={"tokens": 100}), "a").failures[0]


def test_half_a_surrogate_pair_can_be_judged(server, judge):
    assert scored(judge(columns=["gold"]), "2 \ud83d", "3", gold=["\ude00", "x"]).values == [1.0, 1.0]
    assert shown(server.requests[0][2])["completion"] in ("2 \ufffd", "3")


@pytest.mark.parametrize("how", [DRIBBLE, DRIBBLE_HEADERS], ids=["body", "headers"])
def test_a_gateway_that_dribbles_does_not_outlast_the_batch(server, judge, how):
    server.answer = lambda request: how
    scores = scored(judge(timeout=60, batch_timeout=0.3), "bad")  # a judge that waits for ever hangs here
    assert scores.values == [None] and re.search("timed out|batch_timeout", scores.failures[0])
    server.answer = lambda request: how if shown(request)["completion"] == "bad" else reply("1")
    scores = scored(judge(timeout=1, tries=1, concurrency=2), "good", "bad")
    assert scores.values == [1.0, None] and "timed out" in scores.failures[1]


def packed(text):
    return 200, gzip.compress(text.encode()), {"Content-Encoding": "gzip"}


@pytest.mark.parametrize(
    "answer", [FLOOD, FLOOD_OF_AN_ERROR, packed(" " * 10**6)], ids=["flood", "flood of an error", "packed"]
)
def test_a_body_without_an_end_is_left_at_its_limit_and_not_asked_for_again(server, judge, monkeypatch, answer):
    monkeypatch.setattr(endpoint, "LARGEST", 10**5)
    server.answer = lambda request: answer if shown(request)["completion"] == "bad" else packed(json.dumps(reply("1")))
    scores = scored(judge(), "good", "bad")
    assert scores.values == [1.0, None] and "the reply is larger than 100,000 bytes" in scores.failures[1]
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [200, 401])
@pytest.mark.parametrize("where", [lambda key: {"error": {"message": f"no: {key}"}}, lambda key: {key: 1}, reply])
def test_a_key_that_the_server_sends_back_is_not_passed_on(server, judge, status, where):
    server.answer = lambda request: (status, where("a-key-of-the-test"))
    reward = judge()
    failures = scored(reward, "x").failures
    (passed_on,) = reward.endpoint.ask([[{"role": "user", "content": "x"}]], math.inf, 1)
    for said in (str(failures), str(passed_on)):
        assert "a-key-of" not in said and said
    assert "[the API " in str(passed_on) or status == 401


def test_another_endpoint_is_another_judge(server, judge):
    assert scored(judge(), "a").values == [1.0]
    other = judge(base_url=f"{server.base_url}/other")
    server.answer = lambda request: reply("0")
    assert scored(other, "a").values == [0.0] and len(server.requests) == 2
    assert scored(judge(base_url=f"{server.base_url}/"), "a").values == [1.0] and len(server.requests) == 2


def test_it_judges_where_an_event_loop_runs_already(server, judge):
    async def notebook():
        return scored(judge(), "a").values

    assert asyncio.run(notebook()) == [1.0]


def test_a_rubric_may_stand_in_a_file(judge, tmp_path):
    (tmp_path / "rubric.md").write_text("Is it kind?\n")
    assert judge(rubric=None, rubric_file=str(tmp_path / "rubric.md")).rubric == "Is it kind?"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rubric": None}, "judge: rubric: the judge needs a rubric"),
        ({"rubric": None, "rubric_file": "nowhere.md"}, "rubric_file: no file 'nowhere.md'"),
        ({"base_url": "localhost:8000"}, "base_url: expected an address"),
        ({"key": "NOT_SET_ANYWHERE"}, "key: the environment variable NOT_SET_ANYWHERE is not set"),
        ({"scale": [1]}, r"scale: expected \[worst, best\]"),
        ({"scale": [1, 1]}, "scale: the worst and the best"),
        ({"limit": {"request": 1}}, "limit: 'request' is not one; did you mean 'requests'"),
        ({"limit": {"money": 1}}, "limit.money: needs prices"),
        ({"request": {"n": 2}}, "request: n cannot be set here"),
        ({"tries": 0}, "tries: expected a whole number"),
        ({"columns": ["prompt"]}, "columns: the judge always sees the prompt"),
        ({"request": {"seed": {1, 2}}}, "request: it cannot be sent as JSON"),
        ({"rubrik": "x"}, "no option 'rubrik'; did you mean 'rubric'"),
    ],
)
def test_a_wrong_option_is_named(judge, options, message):
    with pytest.raises(ValueError, match=message):
        judge(**options)


def test_a_key_in_the_config_is_refused_and_not_shown(judge):
    with pytest.raises(ValueError, match="expected the name of an environment variable") as refused:
        judge(key="sk-secret")
    assert "secret" not in str(refused.value)


def test_a_judge_without_a_model_is_refused():
    with pytest.raises(ValueError, match="judge: model: is needed"):
        build({"judge": {"options": {"rubric": "x"}}}, Context(Verifier("math")))
