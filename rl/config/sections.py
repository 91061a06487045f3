"""The sections of a config, from tasks to logging, each with its keys, their types and their defaults.

The sections of algorithms are in `rl/config/algorithms.py`; `rl/config/reading.py` reads files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from rl.config.algorithms import Algorithm
from rl.config.embedded import AdditionTask, ChainTask, FactsTask, Sizes, StoriesTask, ZipTask
from rl.config.section import Positive, Section, Share, Temperature, without_null
from rl.config.statements import Statements


def _expanded(value: Any) -> Any:
    return os.path.expanduser(value) if isinstance(value, str) and value.startswith("~") else value


Place = Annotated[str, Field(min_length=1), BeforeValidator(_expanded)]
"""A path, in which `~` stands for the user's home directory, or a name."""


class ReasoningGymTask(Section):
    """Any of reasoning-gym's tasks, scored by its own scorer (`rl/tasks/reasoning_gym.py`)."""

    name: Literal["reasoning_gym"]
    dataset: str
    """Name of one of reasoning-gym's data sets, such as `chain_sum`."""
    options: dict[str, Any] = {}
    """Options of that data set."""
    template: str = "{question}"
    """The prompt, with `{question}` in it."""
    system: str | None = None
    """A system message, for `chat`."""
    chat: bool = False
    """Whether prompts are chat messages, which the tokenizer's chat template lays out."""
    sizes: Sizes = Sizes(train=2000, validation=200, test=200)


class DatasetTask(Section):
    """Rows from files or the hub (`rl/tasks/dataset.py`).

    `data` is a file, a hub id (`owner/name`, or `owner/name@subset`), or one of these for each split. If one source has
    rows of several splits, `split_column` names the column that distinguishes them. Splits that are still missing are
    split off train by a hash of the prompt, in the shares `validation` and `test`.
    """

    name: Literal["dataset"]
    data: str | dict[Literal["train", "validation", "test"], str]
    """A file, a hub id, or one for each split."""
    columns: dict[str, str] = {}
    """Column of the task (`question`, `gold`, `choices`, …) → column of the data, where the names differ. Dots access
    nested columns (`reward_model.ground_truth`)."""
    template: str = "{question}"
    """The prompt, with columns of the data in braces."""
    system: str | None = None
    """A system message, for `chat`."""
    chat: bool = False
    """Whether prompts are chat messages, which the tokenizer's chat template lays out. A column that contains messages
    is used as it is and does not need this."""
    answer_pattern: str | None = None
    """Regular expression whose first group is the reference answer within the gold column."""
    choices_from: int | None = None
    """If golds are places in `choices` rather than labels or texts: the number of the first choice, such as 0 in
    MMLU."""
    verifier: str = "math"
    """The verifier that judges answers."""
    verifier_options: dict[str, Any] = {}
    """Options of the verifier."""
    split_column: str | None = None
    """Column of the data that says which split a row is in."""
    validation: Share = 0.1
    """Share of the rows for validation, if no split of that name is given."""
    test: Share = 0.1
    """Share of the rows for test, if no split of that name is given."""
    on_bad_row: Literal["fail", "skip"] = "fail"
    """Whether a row that cannot be read stops the run, or is left out and counted."""


Task = Annotated[
    AdditionTask | ChainTask | FactsTask | StoriesTask | ZipTask | ReasoningGymTask | DatasetTask,
    Field(discriminator="name"),
]


class WarmStart(Section):
    """Supervised steps on the task's demonstrator, for the embedded policy (`rl/policy/warm_start.py`)."""

    steps: Positive = 450
    """Supervised optimizer steps."""
    batch: Positive = 128
    """Demonstrations in each step."""
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    """Learning rate of these steps."""
    hidden: Positive = 128
    """Width of the policy."""
    layers: Positive = 2
    """Number of its layers."""
    heads: Positive = 4
    """Number of its attention heads."""
    seed: int | None = None
    """Random seed; by default that of the run."""


class Lora(Section):
    """Low-rank adapters (peft)."""

    r: Positive = 16
    """Rank of the adapters."""
    alpha: Positive = 32
    """Their scale: the adapter is multiplied by `alpha / r`."""
    dropout: Share = 0.0
    """Share of the adapter's inputs that are dropped in training."""
    targets: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)] = "all-linear"
    """`all-linear`, names of modules, or a regular expression that matches whole module names."""
    modules_to_save: list[str] = []
    """Modules that are trained in full and saved with the adapter, such as `embed_tokens` and `lm_head`."""


class Policy(Section):
    """The causal language model that learns: `embedded`, a path, or a hub id."""

    model: Place
    """`embedded`, a folder, or a hub id."""
    revision: str | None = None
    """Revision of a model on the hub."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of the weights; `auto` is that of the model's files."""
    attention: str | None = None
    """How attention is computed: a name that transformers knows (`sdpa`, `flash_attention_2`), or `current_token`, with
    which a token sees only itself (`rewards/models/current_token.py`)."""
    trust_remote_code: bool = False
    """Whether code that comes with the model may run."""
    lora: Lora | None = None
    """Train adapters instead of all weights."""
    quantize: Literal["4bit", "8bit"] | None = None
    """Load the weights with 4 or 8 bits (bitsandbytes), for training adapters."""
    chat_template: str | None = None
    """A Jinja file for a tokenizer that has no chat template of its own."""
    warm_start: WarmStart = WarmStart()


SAMPLING_PARAMETERS = (
    "max_tokens", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "stop", "chat_template_kwargs"
)  # fmt: skip
"""The sampling parameters, which are set in `sampling` and may be overridden in `evaluation`."""


def _strings(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Stop = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_strings)]
"""One string or a list of them."""


class Sampling(Section):
    """How completions are drawn for training, and for evaluation unless that section overrides it.

    The generation defaults that are stored with a model are not used.
    """

    completions: Positive = 8
    """Completions per prompt: the group size, G. A single one works only with `sft` in rounds, as in STaR."""
    max_tokens: Positive = 256
    """Largest number of tokens in a completion."""
    temperature: Temperature = 1.0
    """Temperature at which tokens are drawn."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Draw only from the most likely tokens whose probabilities add up to this."""
    top_k: Annotated[int, Field(ge=0)] = 0
    """Draw only from this many most likely tokens; 0 for all."""
    min_p: Share | None = None
    """Draw only from tokens at least this share as likely as the most likely one."""
    repetition_penalty: Annotated[float, Field(gt=0)] = 1.0
    """Values above 1 make tokens that the text already has less likely."""
    stop: Stop = []
    """Strings, or special tokens such as `<|im_end|>`, that end a completion. A string stays in the text, which ends
    with the token that completes it."""
    chat_template_kwargs: dict[str, Any] = {}
    """Variables of the chat template, such as Qwen3's `enable_thinking`."""
    engine: Literal["transformers", "vllm", "vllm_server"] = "transformers"
    """The engine that generates: transformers, vLLM on the training devices, or a vLLM server
    (`rl/sampling/vllm.py`)."""
    server: str | None = None
    """Address of the vLLM server, such as `http://localhost:8000`."""
    endpoint: dict[str, Any] | None = None
    """Only for `whetstone sample --by endpoint`: the `model` behind an OpenAI-compatible endpoint, what it is shown
    instead of the prompt (`prompt`, with columns in braces), and its address (`rewards/parts/endpoint_settings.py`)."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The sampling parameters by name, for `rl.sampling.draw.sample`."""
        return {name: getattr(self, name) for name in SAMPLING_PARAMETERS}


class Reward(Section):
    """One reward: a built-in module, named by its key, or any function with TRL's reward signature."""

    kind: str | None = None
    """The reward module, if the key is a name of your own."""
    function: str | None = None
    """`module:function` or `file.py:function`, for a reward of your own (`rewards/building/find.py`)."""
    verifier: str | None = None
    """The verifier that the reward uses; by default the task's."""
    model: str | None = None
    """The model of a reward that has one: a path, a hub id, or `policy`."""
    options: dict[str, Any] = {}
    """Options of the reward, which are on the page of rewards."""
    weight: float | Annotated[list[tuple[int, float]], Field(min_length=1)] = 1.0
    """A number, or `[[step, weight], …]`, interpolated linearly between these steps and constant outside them."""
    credit: Literal["sum", "min", "first_error", "token"] | None = None
    """How its step scores become token rewards (`rl/credit/steps.py`), or `token` for a score of each token; by default
    its value counts at the end."""
    credit_on: Literal["completion", "rationale"] = "completion"
    """The tokens that it is credited to: all, or those of the rationale up to the token at which the answer begins. The
    marker between the two is that of the reward's options, otherwise the task's. The policy does not learn from tokens
    to which no reward is credited."""


class Mix(Section):
    """How rewards are combined into one number (`rewards/mixing/mix.py`)."""

    aggregation: Literal["sum", "normalise_then_sum", "product", "gated"] = "sum"
    """`sum` adds values times weights, `normalise_then_sum` normalises each reward within its group first, `product`
    multiplies them, and `gated` counts the others only where `gate` passes."""
    gate: str | None = None
    """With `gated`: the reward that must pass for the others to count."""
    gate_at: float = 0.5
    """The lowest value with which the gate passes."""
    error_budget: Share = 0.2
    """Share of a batch on which a reward may fail; above it the run stops."""
    timeout: Annotated[float, Field(gt=0)] = 300.0
    """Time limit of each reward for a batch, in seconds."""


class Evaluation(Section):
    """How a policy is evaluated: on validation during training, on test before the first step and after the last."""

    n: Positive = 1000
    """Number of test problems."""
    k: Annotated[int, Field(ge=0)] = 8
    """Samples per problem for mean@k, pass@k and maj@k; 0 for greedy decoding alone."""
    rewards: bool = False
    """Also measure the mean of each of the run's rewards on the greedy completions."""
    every: Annotated[int, Field(ge=0)] = 0
    """Optimizer steps between evaluations on validation; 0 for none. A run in rounds is always evaluated on validation
    after each round, and before the first round unless this is 0."""
    validation_n: Positive | None = None
    """Number of validation problems; by default `n`."""
    max_tokens: Positive | None = None
    """Largest number of tokens in a completion. This and the other sampling parameters are by default those of
    `sampling`."""
    temperature: Temperature | None = None
    """Temperature of the k samples."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0)] | None = None
    min_p: Share | None = None
    repetition_penalty: Annotated[float, Field(gt=0)] | None = None
    stop: Stop | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    batch: Positive = 512
    """Completions per batch."""
    statements: Statements | None = None
    """Also answer with the best of several sampled statements, or with none; needs rows with choices."""


class Logging(Section):
    """Where the records of a run go."""

    folder: Place = "runs"
    """Folder of the run folders."""
    wandb: Literal["auto", "online", "offline", "disabled"] = "auto"
    """`auto` is online if an API key is found, otherwise offline. W&B never asks for a key."""
    report_to: list[Literal["tensorboard", "trackio"]] = []
    """Other trackers that the run reports to (`rl/runs/trackers.py`)."""
    project: str = "whetstone"
    """Name of the project in W&B and trackio."""
    completions_every: Annotated[int, Field(ge=0)] = 10
    """Optimizer steps between two files of completions; 0 for none."""


class Config(Section):
    """A whole run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Name of the run, and of its folder in `logging.folder`."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Random seed of everything that is drawn."""
    task: Task
    policy: Policy
    sampling: Sampling = Sampling()
    rewards: Annotated[dict[str, Reward], BeforeValidator(without_null)] = {}
    """Name → reward. Null leaves out a reward of an included file."""
    mix: Mix = Mix()
    algorithm: Algorithm
    trainer: dict[str, Any] = {}
    """Arguments of TRL's config. Null leaves out one of an included file, so that it has TRL's default."""
    evaluation: Evaluation = Evaluation()
    logging: Logging = Logging()

    @property
    def evaluation_parameters(self) -> dict[str, Any]:
        """The sampling parameters for evaluation by name, for `rl.sampling.draw.sample`."""
        own = {name: getattr(self.evaluation, name) for name in SAMPLING_PARAMETERS}
        return self.sampling.parameters | {name: value for name, value in own.items() if value is not None}

    @property
    def run_folder(self) -> Path:
        """The folder of this run."""
        return Path(self.logging.folder) / self.name
