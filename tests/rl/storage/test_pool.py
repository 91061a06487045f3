from dataclasses import replace

import pandas as pd

from rewards.sample import Judgement, Sample
from rl.storage import pool
from verifiers import Step, abstained, judged


def test_a_round_is_read_back_as_it_was_written(tmp_path):
    messages = [{"role": "user", "content": "2+2?"}]
    rows = [{"prompt": "1+1?", "gold": "2", "hint": {"a": 1}}, {"prompt": messages, "gold": "4"}]
    step = Step(0, 5, "judged", 1.0, "true")
    said = Judgement(1.0, "judged", weight=0.5, contribution=0.5, steps=(step,))
    samples = [
        Sample(
            row=rows[0],
            text="1+1=2#2",
            ids=[4, 5],
            finish_reason="stop",
            index=0,
            verdict=judged(1, "equal", extracted="2", steps=(step,)),
            reward=0.5,
            rewards={"a": said},
        ),
        Sample(
            row=rows[1],
            text="",
            ids=[6],
            finish_reason="length",
            index=1,
            hinted=True,
            thinking=True,
            strategy="steps",
            verdict=abstained("nothing to judge"),
            rewards={"a": Judgement(None, "abstained")},
        ),
    ]
    pool.write(tmp_path, 0, samples)
    assert pool.read(tmp_path, 0, rows) == samples
    plain = [replace(one, strategy=None) for one in samples]
    pool.write(tmp_path / "plain", 0, plain)
    assert pool.read(tmp_path / "plain", 0, rows) == plain
    assert [file.name for file in tmp_path.glob("*.*")] == ["round_000.parquet"]
    table = pd.read_parquet(tmp_path / "round_000.parquet")
    assert table["reward"].isna().tolist() == [False, True]
    assert table["rewards/a"].tolist()[0] == 1.0 and table["right"].isna().tolist() == [False, True]
