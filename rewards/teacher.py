r"""On-policy distillation: the log-ratio of teacher to policy for each token that the policy drew.

With prompt $x$, drawn tokens $y_t$, and $x'$ the teacher's input (the prompt, or more than the prompt),

$$ r_t = \log p_T(y_t \mid x', y_{<t}) - \log p_S(y_t \mid x, y_{<t}) $$

Its mean under the policy is $-\mathrm{KL}(p_S \,\|\, p_T)$ at each position: this is the policy-gradient form of the
reverse KL (MiniLLM, Gu et al. 2024, arXiv:2306.08543, section 2.2; it is a special case of generalised KD, Agarwal et
al. 2024, arXiv:2306.13649, whose exact form is `algorithm.teacher`). The ratio is of tokens, not of text, so both
models must have the same vocabulary. It is computed at temperature 1; with another `sampling.temperature`, or with
`top_p` or `top_k`, the tokens come from another distribution than the one that is judged.

With `credit: token`, each $r_t$ is the reward of its own token. GRPO adds `weight` $r_t$ to the token's advantage
unchanged, in nats, without a baseline or a division by the group's deviation (a discount of 0, as in Thinking Machines'
"On-Policy Distillation", 2025), next to the advantage of the other rewards, which is in deviations of the group. PPO
adds `weight` $r_t$ to the token's reward, so $\gamma$, $\lambda$ and the critic determine how far it affects earlier
tokens; with $\gamma = 1$ this is MiniLLM's gradient of the KL of whole completions. Without credit, the mean of $r_t$
counts at the end.

The teacher may be the policy itself with a longer prompt (self-distillation): `model: base` is the policy with which
the run started, `model: policy` is the policy in training, and `prompt` is the teacher's prompt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rewards.correctness import Correctness
from rewards.models.heads import NO_NUMBER
from rewards.models.logprobs import token_logprobs
from rewards.models.prompts import prompt_ids
from rewards.models.room import positions
from rewards.models.types import Source, Tokenizer
from rewards.models.vocabulary import check_same_vocabulary
from rewards.parts.columns import data_columns
from rewards.parts.context import Context
from rewards.parts.settings import number, options_of
from rewards.parts.shown import SIBLING, columns_of, columns_of_option, right_siblings, shown
from rewards.parts.source import LOADING, source
from rewards.reward import Reward, Scores, Text, text_of
from verifiers import is_right


class Teacher(Reward):
    """The log-ratio of each token of a completion, teacher to policy, in nats; the value is the mean.

    The reward abstains on an empty completion, on one that does not fit into the teacher with its prompt, and, if the
    prompt shows a right sibling, on one that has none in the batch. If a model returns NaN, the completion fails.

    Args:
        model: returns the teacher.
        policy: returns the policy that drew the completions.
        prompt: template of the teacher's own prompt (`rewards.parts.shown`); None for the policy's prompt.
        correctness: says which completions are right, if the prompt shows a sibling.
        clip: bound of the absolute value of a token's log-ratio, in nats.
        template_kwargs: variables of the policy's chat template.
        name: the name in the logs.
    """

    judges_tokens = True
    reads_prompt = True

    def __init__(
        self,
        model: Source,
        policy: Source,
        prompt: str | None = None,
        *,
        correctness: Correctness | None = None,
        clip: float = math.inf,
        template_kwargs: Mapping[str, Any] | None = None,
        name: str = "teacher",
    ) -> None:
        self.name, self.model, self.policy, self.prompt = name, model, policy, prompt
        self.correctness, self.clip, self.template_kwargs = correctness, clip, template_kwargs
        wanted = () if prompt is None else columns_of(prompt)
        asked = () if correctness is None else correctness.columns
        self.columns = tuple(dict.fromkeys([*(one for one in wanted if one not in ("prompt", SIBLING)), *asked]))

    def meet_policy(self) -> None:
        """Check that teacher and policy have the same vocabulary.

        Raises:
            ValueError: they differ.
        """
        try:
            check_same_vocabulary(self.model()[1], self.policy()[1])
        except ValueError as error:
            raise ValueError(f"model: it {error}") from None

    def score(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        **columns: Any,
    ) -> Scores:
        """Ask the teacher and the policy about each token.

        Raises:
            ValueError: a column in the teacher's prompt is missing.
        """
        policy, tokenizer = self.policy()
        teacher, _ = self.model()
        most = positions(teacher) or math.inf
        read = self._shown(prompts, completions, completion_ids, data_columns(columns, len(completions)), tokenizer)
        rows = [
            row
            for row, (ids, before) in enumerate(zip(completion_ids, read, strict=True))
            if len(ids) and before is not None and len(before) + len(ids) <= most
        ]
        drawn = [list(completion_ids[row]) for row in rows]
        plain = [prompt_ids(prompts[row], tokenizer, self.template_kwargs) for row in rows]
        theirs = token_logprobs(teacher, [read[row] or [] for row in rows], drawn)
        ours = token_logprobs(policy, plain, drawn)
        values: list[float | None] = [None] * len(completions)
        tokens: list[tuple[float, ...]] = [()] * len(completions)
        failures: dict[int, str] = {}
        for row, teachers, own in zip(rows, theirs, ours, strict=True):
            ratios = [their - our for their, our in zip(teachers, own, strict=True)]
            if any(math.isnan(ratio) for ratio in ratios):
                failures[row] = NO_NUMBER
                continue
            tokens[row] = tuple(max(-self.clip, min(self.clip, ratio)) for ratio in ratios)
            values[row] = sum(tokens[row]) / len(ratios)
        return Scores(values, tokens=tokens, failures=failures)

    def _shown(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]],
        columns: Mapping[str, Sequence[Any]],
        tokenizer: Tokenizer,
    ) -> list[list[int] | None]:
        """The tokens that the teacher reads before each completion; None if there is no right sibling to show."""
        if self.prompt is None:
            return [prompt_ids(prompt, tokenizer, self.template_kwargs) for prompt in prompts]
        siblings: Sequence[str | None] = [None] * len(prompts)
        if self.correctness is not None:
            judged = self.correctness.score(prompts, completions, completion_ids, **columns)
            texts = [text_of(completion) for completion in completions]
            siblings = right_siblings(prompts, texts, [is_right(value) for value in judged.values])
        read: list[list[int] | None] = []
        for place, (prompt, sibling) in enumerate(zip(prompts, siblings, strict=True)):
            if self.correctness is not None and sibling is None:
                read.append(None)
                continue
            row = {name: values[place] for name, values in columns.items()}
            read.append(prompt_ids(shown(prompt, self.prompt, row, sibling), tokenizer, self.template_kwargs))
        return read


def build(name: str, settings: Mapping[str, Any], context: Context) -> Teacher:
    """Make the reward from its section of the config.

    `model` is a path, a hub id, `base` or `policy`. Options: `prompt`, the teacher's prompt, with columns in braces;
    `clip`, the bound of a token's log-ratio in nats; and the options for loading a model.

    Raises:
        ValueError: an option is unknown or out of bounds, the teacher cannot be loaded, or there is no policy to
            compare it with.
    """
    options = options_of(settings, ("prompt", "clip", *LOADING), reads=("model",))
    prompt = options.get("prompt")
    if prompt is not None and not isinstance(prompt, str):
        raise ValueError(f"prompt: expected a text with columns in braces, got {prompt!r}")
    if context.policy is None:
        raise ValueError(
            "this reward compares a teacher with the policy that drew the completions, and there is no policy here"
        )
    if settings.get("model") == "policy" and prompt is None:
        raise ValueError("prompt: the policy in training has nothing to learn from itself; show it more")
    wants_sibling = prompt is not None and SIBLING in columns_of_option(prompt)
    return Teacher(
        source(settings, context, "causal", policy=True, base=True, purpose="the teacher, a path, a hub id, `base`"),
        context.policy,
        prompt,
        correctness=Correctness(context.verifier) if wants_sibling else None,
        clip=number("clip", options["clip"], above=0) if "clip" in options else math.inf,
        template_kwargs=context.template_kwargs,
        name=name,
    )
