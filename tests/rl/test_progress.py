from rl.progress import Rate, Stopwatch


def test_the_rate_of_tokens_leaves_out_the_seconds_of_evaluations(monkeypatch):
    at = [0.0]
    monkeypatch.setattr("rl.progress.time.perf_counter", lambda: at[0])
    trained_for = Stopwatch()
    rate = Rate(trained_for)
    at[0] = 10.0
    assert rate(100) is None
    at[0] = 12.0
    with trained_for.paused():  # an evaluation of half a minute
        at[0] = 42.0
    at[0] = 44.0
    assert trained_for() == 14.0 and rate(500) == 100.0  # 400 tokens in four seconds
