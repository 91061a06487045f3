"""Whether two models have one vocabulary, so that their distributions over the next token can be compared."""

from __future__ import annotations

from rewards.models.types import Tokenizer


def check_same_vocabulary(teacher: Tokenizer, policy: Tokenizer) -> None:
    """Check that both tokenizers have the same tokens under the same ids.

    Args:
        teacher: the tokenizer of the model that is learnt from.
        policy: the tokenizer of the model that learns.

    Raises:
        ValueError: they differ; says in how many tokens, and names the first by its id.
    """
    theirs, ours = teacher.get_vocab(), policy.get_vocab()
    differing = [token for token in {**ours, **theirs} if theirs.get(token) != ours.get(token)]
    if not differing:
        return
    first = min(differing, key=lambda token: (ours.get(token, theirs.get(token)) or 0, token))

    def place(vocabulary: dict[str, int]) -> str:
        return f"has the id {vocabulary[first]}" if first in vocabulary else "is missing"

    raise ValueError(
        f"has another vocabulary than the policy, and theirs have to be the same: {len(differing):,} of "
        f"{len(ours):,} tokens differ; {first!r} {place(theirs)} in the teacher's and {place(ours)} in the policy's"
    )
