r"""Plausibility of the rationale, one of MaRio's rewards (Ramnath et al. 2024, arXiv:2311.02805): $\sigma(z / t)$.

$z$ is the logit of a statement scorer for the rationale alone, without the answer; $t$ calibrates it. There are two
formats of models:

- `vera`: VERA (Liu et al. 2023, arXiv:2305.03695), a T5 encoder that is read at its last token. Its head is stored in
  rows of the embedding that no token uses: $z = w \cdot h + b$ with $w$ row 32099, $b$ the first number of row 32098,
  and $t$ that of row 32097.
- `sequence`: any sequence-classification head; $t$ is the option `temperature`, 1 by default.

Without a model, the statements of the embedded task `facts` are checked exactly: the value is the share of statements
that are true, and a sentence that is not a statement counts as not true.

As in MaRio, a completion without the answer marker has no reward: it abstains. So does a completion whose rationale is
empty or longer than the model can read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from transformers import T5EncoderModel
from transformers.modeling_outputs import SequenceClassifierOutput

from rewards.models.heads import NO_NUMBER, Read, classes, probability, read_whole
from rewards.models.room import most_tokens
from rewards.models.types import Classifier, Tokenizer
from rewards.parts.columns import column
from rewards.parts.context import Context
from rewards.parts.rationale import layout
from rewards.parts.settings import number, one_of, options_of, whole
from rewards.parts.source import LOADING, source
from rewards.reward import Reward, Scores, Text, text_of
from verifiers import Step
from verifiers.facts import MARK, statements

FORMATS = ("vera", "sequence")
OPTIONS = ("format", "temperature", "right", "marker", "max_tokens", *LOADING)
WEIGHT, BIAS, TEMPERATURE = 32099, 32098, 32097
"""Rows of the embedding with VERA's head."""


class Plausibility(Reward):
    """The score of the rationale by a statement scorer, in [0, 1]; it fails if the model returns NaN.

    Args:
        model: a model that returns a logit for a text, and its tokenizer.
        read: turns logits into scores.
        marker: text that ends the rationale; None if the whole completion is the rationale.
        longest: largest number of tokens of a rationale.
        name: the name in the logs.
    """

    def __init__(
        self,
        model: tuple[Classifier, Tokenizer],
        read: Read,
        marker: str | None = "So the answer is",
        longest: int | None = None,
        name: str = "plausibility",
    ) -> None:
        self.name = name
        self.model, self.tokenizer = model
        self.read = read
        self.layout = layout({"marker": marker}, "")
        self.longest = most_tokens(*model, longest)

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Score each completion's rationale."""
        parts = [self.layout.split(text_of(completion)) for completion in completions]
        said = {row: part.rationale.strip() for row, part in enumerate(parts) if part.marked and part.rationale.strip()}
        texts = {row: self.tokenizer(rationale)["input_ids"] for row, rationale in said.items()}
        texts = {row: ids for row, ids in texts.items() if len(ids) <= self.longest}
        values: list[float | None] = [None] * len(parts)
        failures = {}
        scores = read_whole(self.model, self.tokenizer, list(texts.values()), self.read)
        for row, score in zip(texts, scores, strict=True):
            if math.isnan(score):
                failures[row] = NO_NUMBER
            else:
                values[row] = score
        return Scores(values, failures=failures)


class Stated(Reward):
    """The share of a rationale's statements that are true in the world of the task `facts`.

    Its steps are the statements, with scores 1 or 0.

    Args:
        name: the name in the logs.
    """

    columns = ("choices", "attribute")
    judges_steps = True

    def __init__(self, name: str = "plausibility") -> None:
        self.name = name

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Check each completion's statements against the columns `choices` and `attribute`."""
        values: list[float | None] = []
        steps: list[tuple[Step, ...]] = []
        choices_B, attribute_B = (column(columns, name, len(completions)) for name in self.columns)
        for completion, choices, attribute in zip(completions, choices_B, attribute_B, strict=True):
            text = text_of(completion)
            said = statements(text, choices=choices or (), attribute=attribute or "") if MARK in text else []
            values.append(sum(one.true for one in said) / len(said) if said else None)
            steps.append(tuple(Step(one.start, one.end, "judged", float(one.true)) for one in said))
        return Scores(values, steps)


class Vera(torch.nn.Module):
    """A T5 encoder with VERA's head, with the interface of a sequence-classification model.

    Args:
        encoder: an encoder with the head in its embedding.

    Raises:
        ValueError: the embedding is too small for the head, or the temperature is not positive.
    """

    def __init__(self, encoder: T5EncoderModel) -> None:
        super().__init__()
        rows = encoder.shared.weight.float()
        if len(rows) <= WEIGHT:
            raise ValueError(
                f"format: vera keeps its head in rows {TEMPERATURE} to {WEIGHT} of the embedding, but this model has "
                f"{len(rows)} rows; for a classification head, set format: sequence"
            )
        self.encoder = encoder
        self.config, self.device = encoder.config, encoder.device
        self.weight_D, self.bias, self.temperature = rows[WEIGHT], rows[BIAS, 0], rows[TEMPERATURE, 0].item()
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError(
                f"the temperature in row {TEMPERATURE} of the embedding is {self.temperature:g}, so it is not VERA"
            )

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SequenceClassifierOutput:
        """Logits (B, 1) of texts (B, T), padded on the right."""
        hidden_BTD = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        last_B = attention_mask.sum(-1) - 1
        hidden_BD = hidden_BTD[torch.arange(len(last_B), device=last_B.device), last_B].float()
        logits_B1 = (hidden_BD @ self.weight_D + self.bias)[:, None]
        return SequenceClassifierOutput(logits=cast(torch.FloatTensor, logits_B1))


def build(name: str, settings: Mapping[str, Any], context: Context) -> Plausibility | Stated:
    """Make the reward from its section of the config; without a model the one that checks statements exactly.

    Raises:
        ValueError: the model does not fit, an option is invalid, or there is no model and the task is not `facts`.
    """
    options = options_of(settings, OPTIONS, reads=("model",))
    if not settings.get("model"):
        if context.verifier.name != "facts":
            raise ValueError(
                "model: is needed: a statement scorer such as VERA, a path or a hub id; without one, only "
                "statements of the task facts can be checked"
            )
        options_of(settings, ())
        return Stated(name)
    form = one_of("format", options.get("format", "vera"), FORMATS)
    temperature = options.get("temperature")
    if temperature is not None:
        temperature = number("temperature", temperature, above=0)
    longest = options.get("max_tokens")
    if longest is not None:
        longest = whole("max_tokens", longest)
    if form == "vera" and "right" in options:
        raise ValueError("right: has no effect with format: vera")
    marker = layout({key: options[key] for key in ("marker",) if key in options}, context.verifier.name).marker
    head = "t5_encoder" if form == "vera" else "sequence"
    model, tokenizer = source(settings, context, head, purpose="a statement scorer, a path or a hub id")()
    if form == "vera":
        model = Vera(cast(T5EncoderModel, model))
        return Plausibility(
            (model, tokenizer), _calibrated(_sigmoid, temperature or model.temperature), marker, longest, name
        )
    read = probability(model, classes(options.get("right")))
    return Plausibility((model, tokenizer), _calibrated(read, temperature or 1.0), marker, longest, name)


def _sigmoid(logits_SL: torch.Tensor) -> torch.Tensor:
    return logits_SL[:, 0].sigmoid()


def _calibrated(read: Read, temperature: float) -> Read:
    return lambda logits_SL: read(logits_SL / temperature)
