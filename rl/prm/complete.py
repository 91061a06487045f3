"""Completions of step prefixes by any policy, many prefixes at a time, kept on disk by completer and prefix."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diskcache import Cache
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rewards.models.generate import SamplingParameters, generate
from rewards.models.prompts import Rendered, encode

CONTEXT = 8
"""Tokens before a continuation that it is decoded with: some tokenizers drop the space that a text begins with."""
CHUNK = 4096
"""Prefixes whose continuations are drawn, and then kept, together."""


@dataclass
class Completer:
    """A policy that continues prefixes.

    Attributes:
        model: the policy.
        tokenizer: its tokenizer.
        identity: what tells this policy from others, see `identity`.
        max_tokens: most tokens a continuation.
        temperature: of the draw.
        batch: continuations drawn at a time.
        seed: of the draw.
        cache: folder that keeps continuations from run to run; None for none.
        drawn: continuations drawn so far, those from the cache left out.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    identity: str
    max_tokens: int
    temperature: float = 1.0
    batch: int = 512
    seed: int = 0
    cache: Path | None = None
    drawn: int = 0

    def __call__(
        self, prefixes: Sequence[Rendered], count: int, progress: Callable[[int], None] | None = None
    ) -> dict[Rendered, list[str]]:
        """`count` continuations of each different prefix, without the prefix.

        Args:
            prefixes: rendered prompts, each with the beginning of a completion.
            count: continuations a prefix.
            progress: called with the number of prefixes done since the last call.
        """
        wanted = list(dict.fromkeys(prefixes))
        done: dict[Rendered, list[str]] = {}
        store = Cache(str(self.cache)) if self.cache is not None else None
        try:
            if store is not None:
                for prefix in wanted:
                    kept: Any = store.get(self._key(prefix, count))
                    if kept is not None:
                        done[prefix] = kept
                if progress and done:
                    progress(len(done))
            missing = [prefix for prefix in wanted if prefix not in done]
            for start in range(0, len(missing), CHUNK):
                chunk = missing[start : start + CHUNK]
                fresh = self._draw(chunk, count, progress)
                done |= fresh
                if store is not None:
                    with store.transact():
                        for prefix, texts in fresh.items():
                            store.set(self._key(prefix, count), texts)
        finally:
            if store is not None:
                store.close()
        return done

    def _draw(
        self, prefixes: Sequence[Rendered], count: int, progress: Callable[[int], None] | None
    ) -> dict[Rendered, list[str]]:
        completions = generate(
            self.model,
            self.tokenizer,
            [encode(prefix, self.tokenizer) for prefix in prefixes],
            SamplingParameters(self.max_tokens, self.temperature),
            count=count,
            batch=self.batch,
            seed=self.seed,
        )
        self.drawn += count * len(prefixes)
        if progress:
            progress(len(prefixes))
        return {
            prefix: [self._text(prefix.text, completion.ids) for completion in group]
            for prefix, group in zip(prefixes, completions, strict=True)
        }

    def _text(self, prefix: str, ids: Sequence[int]) -> str:
        before: list[int] = self.tokenizer(prefix[-200:], add_special_tokens=False)["input_ids"][-CONTEXT:]
        head: str = self.tokenizer.decode(before, skip_special_tokens=True)  # type: ignore[assignment]
        whole: str = self.tokenizer.decode([*before, *ids], skip_special_tokens=True)  # type: ignore[assignment]
        if whole.startswith(head):
            return whole[len(head) :]
        return self.tokenizer.decode(list(ids), skip_special_tokens=True)  # type: ignore[return-value]

    def _key(self, prefix: Rendered, count: int) -> str:
        parts = (self.identity, *prefix, count, self.max_tokens, self.temperature, self.seed)
        return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def identity(path: str | Path, revision: str | None = None) -> str:
    """What tells one policy from another: a hub id with its revision, or a folder's files, their sizes and times."""
    folder = Path(path)
    if not folder.is_dir():
        return f"{path}@{revision}"
    files = sorted(file for file in folder.iterdir() if file.is_file())
    return repr([(str(folder.resolve()), f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files])
