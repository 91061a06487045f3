import pandas as pd

from rl.storage import pool
from rl.storage.pool import Sample


def test_a_round_is_read_back_as_it_was_written(tmp_path):
    messages = [{"role": "user", "content": "2+2?"}]
    samples = [
        Sample(0, 3, "1+1?", "1+1=2#2", [4, 5], "stop", False, 1.0, True, {"a": 1.0}, [(0, 5, 1.0)]),
        Sample(0, 7, messages, "", [6], "length", True, None, None, {"a": None}, []),
    ]
    pool.write(tmp_path, 0, samples)
    assert pool.read(tmp_path, 0) == samples
    assert [file.name for file in tmp_path.iterdir()] == ["round_000.parquet"]
    assert pd.read_parquet(tmp_path / "round_000.parquet")["score"].isna().tolist() == [False, True]
