"""Draws continuations of partial completions from any policy, in batches, with a cache on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from diskcache import Cache
from transformers import PreTrainedTokenizerBase

from rewards.models.generate import SamplingParameters, generate
from rewards.models.prompts import Rendered, encode
from rewards.models.room import learnt_positions
from rewards.models.types import Model
from rl.errors import UserError

CONTEXT = 8
"""Number of preceding tokens with which a continuation is decoded, because some tokenizers drop a leading space."""
CHUNK = 4096
"""Number of prefixes whose continuations are drawn and cached together."""


class Prefix(NamedTuple):
    """A rendered prompt and the beginning of a completion, which are tokenized separately, as in sampling."""

    prompt: Rendered
    beginning: str = ""


@dataclass
class Completer:
    """A policy that draws continuations of prefixes.

    Attributes:
        model: the policy.
        tokenizer: its tokenizer.
        identity: identifies the policy in the cache, see the function `identity`.
        max_tokens: largest number of tokens per continuation.
        temperature: sampling temperature.
        batch: continuations per batch.
        seed: random seed.
        cache: folder of the cache; None for no cache.
        parameters: the other fields of `SamplingParameters`, such as `stop`.
        drawn: number of continuations drawn so far, without those from the cache.
    """

    model: Model
    tokenizer: PreTrainedTokenizerBase
    identity: str
    max_tokens: int
    temperature: float = 1.0
    batch: int = 512
    seed: int = 0
    cache: Path | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    drawn: int = 0

    def __call__(
        self, prefixes: Sequence[Prefix], count: int, progress: Callable[[int], None] | None = None
    ) -> dict[Prefix, list[str]]:
        """`count` continuations of each distinct prefix, without the prefix.

        Args:
            prefixes: rendered prompts, each with the beginning of a completion.
            count: continuations of each prefix.
            progress: called with the number of prefixes done since the last call.

        Raises:
            UserError: a prefix with its continuation exceeds the positions that the policy has learnt.
        """
        wanted = list(dict.fromkeys(prefixes))
        done: dict[Prefix, list[str]] = {}
        store = Cache(str(self.cache)) if self.cache is not None else None
        try:
            if store is not None:
                for prefix in wanted:
                    kept: Any = store.get(self._key(prefix, count))
                    if kept is not None:
                        done[prefix] = kept
                if progress and done:
                    progress(len(done))
            missing = [(prefix, self._ids(prefix)) for prefix in wanted if prefix not in done]
            for start in range(0, len(missing), CHUNK):
                chunk = dict(missing[start : start + CHUNK])
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
        self, prefixes: Mapping[Prefix, list[int]], count: int, progress: Callable[[int], None] | None
    ) -> dict[Prefix, list[str]]:
        completions = generate(
            self.model,
            self.tokenizer,
            list(prefixes.values()),
            self._sampling(),
            count=count,
            batch=self.batch,
            seed=self.seed,
        )
        self.drawn += count * len(prefixes)
        if progress:
            progress(len(prefixes))
        return {
            prefix: [self._text(prefix, completion.ids) for completion in group]
            for prefix, group in zip(prefixes, completions, strict=True)
        }

    def _sampling(self) -> SamplingParameters:
        return SamplingParameters(**{**self.parameters, "max_tokens": self.max_tokens, "temperature": self.temperature})

    def _ids(self, prefix: Prefix) -> list[int]:
        own: list[int] = self.tokenizer(prefix.beginning, add_special_tokens=False)["input_ids"]
        ids = encode(prefix.prompt, self.tokenizer) + own
        limit = learnt_positions(self.model)
        if limit is not None and len(ids) + self.max_tokens > limit:
            raise UserError(
                "--completer",
                f"the beginning of a completion of {prefix.prompt.text[:40]!r} has {len(ids):,} tokens, up to "
                f"{self.max_tokens:,} more are drawn, and the model has learnt {limit:,} positions; lower --max-tokens "
                "or leave such rows out",
            )
        return ids

    def _text(self, prefix: Prefix, ids: Sequence[int]) -> str:
        written = (prefix.prompt.text + prefix.beginning)[-200:]
        before: list[int] = self.tokenizer(written, add_special_tokens=False)["input_ids"][-CONTEXT:]
        head, whole = self._decoded(before), self._decoded([*before, *ids])
        return whole[len(head) :] if whole.startswith(head) else self._decoded(ids)

    def _decoded(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def _key(self, prefix: Prefix, count: int) -> str:
        parts = (self.identity, prefix, count, self._sampling(), self.seed)
        return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def identity(path: str | Path, revision: str | None = None) -> str:
    """The identity of a policy: a hub id with its revision, or the files of a folder with their sizes and times.

    Args:
        path: a folder or hub id.
        revision: commit of the hub id.
    """
    folder = Path(path)
    if not folder.is_dir():
        return f"{path}@{revision}"
    files = sorted(file for file in folder.iterdir() if file.is_file())
    return repr([(str(folder.resolve()), f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files])
