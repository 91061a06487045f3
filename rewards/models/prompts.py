"""Renders and tokenizes prompts, for everything that reads or continues them.

Training, evaluation, rounds, fits, process reward models and rewards all use this module, so that a policy always reads
the same tokens for a prompt:

- A plain string is used as it is. It starts with the tokenizer's beginning-of-text token (BOS) if the tokenizer puts
  one before every text; it is not added twice.
- Chat messages are laid out by the tokenizer's chat template, which also determines how the text starts; nothing is
  added.

No end-of-text token is added, because a prompt is continued.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rewards.models.types import Tokenizer

Message = Mapping[str, Any]
Text = str | Sequence[Message]
"""A plain string, or chat messages."""


class Rendered(NamedTuple):
    """A text for a model.

    Attributes:
        text: the text.
        templated: whether a chat template laid it out and so determined how it starts.
    """

    text: str
    templated: bool = False

    def followed_by(self, text: str) -> Rendered:
        """The text with another text appended."""
        return self._replace(text=self.text + text)


def render(prompt: Text, tokenizer: Tokenizer, template_kwargs: Mapping[str, Any] | None = None) -> Rendered:
    """The text that a model reads as a prompt.

    Args:
        prompt: a string, which is not changed, or chat messages. Without a chat template, the contents of the messages
            are joined with line breaks.
        tokenizer: the tokenizer with the chat template.
        template_kwargs: variables of the chat template, such as Qwen3's `enable_thinking`.
    """
    if isinstance(prompt, str):
        return Rendered(prompt)
    messages = [dict(message) for message in prompt]
    if getattr(tokenizer, "chat_template", None) is None:
        return Rendered("\n".join(str(message["content"]) for message in messages) + "\n")
    text = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=False, **(template_kwargs or {})
    )
    return Rendered(str(text), templated=True)


def encode(text: str | Rendered, tokenizer: Tokenizer) -> list[int]:
    """The token ids of a plain string or a rendered text, by the rules of this module.

    Args:
        text: a plain string, or a rendered text.
        tokenizer: tokenizer of the model that reads it.
    """
    rendered = Rendered(text) if isinstance(text, str) else text
    ids = list(tokenizer(rendered.text, add_special_tokens=False)["input_ids"])
    return ids if rendered.templated else beginning(tokenizer, rendered.text) + ids


def prompt_ids(prompt: Text, tokenizer: Tokenizer, template_kwargs: Mapping[str, Any] | None = None) -> list[int]:
    """The token ids of a prompt, by the rules of this module.

    Args:
        prompt: a string or chat messages.
        tokenizer: tokenizer of the model that reads it.
        template_kwargs: variables of the chat template.
    """
    return encode(render(prompt, tokenizer, template_kwargs), tokenizer)


def beginning(tokenizer: Tokenizer, text: str = "") -> list[int]:
    """The BOS token to put before a plain text; none if the tokenizer adds none, or the text starts with it.

    Args:
        tokenizer: the tokenizer.
        text: the text.
    """
    bos = getattr(tokenizer, "bos_token_id", None)
    if not isinstance(bos, int) or tokenizer("")["input_ids"][:1] != [bos] or text.startswith(str(tokenizer.bos_token)):
        return []
    return [bos]


def unknown_tokens(ids: Sequence[int], tokenizer: Tokenizer) -> int:
    """The number of unknown tokens in a text, which stand for characters that the tokenizer has no token for.

    Args:
        ids: token ids of the text.
        tokenizer: the tokenizer that made them.
    """
    return sum(token == tokenizer.unk_token_id for token in ids)


def one_token(text: str, tokenizer: Tokenizer, what: str) -> int:
    """The id of a text that must be a single known token.

    Args:
        text: the text, such as `+`.
        tokenizer: the tokenizer.
        what: a description of the text, for the error.

    Raises:
        ValueError: the text consists of several tokens, or of unknown ones.
    """
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    # SentencePiece may set a bare space token before the first word
    known = [i for i in ids if str(tokenizer.decode([i])).strip()]
    if len(known) != 1 or known[0] == tokenizer.unk_token_id:
        raise ValueError(f"{what} {text!r} is not one token of this tokenizer: it gives {ids}")
    return known[0]
