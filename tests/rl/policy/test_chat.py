"""Chat templates as models bring them: what they refuse is said before a run, and everything reads the same prompt."""

import copy
import dataclasses

import pytest
from tokenizers.processors import TemplateProcessing
from transformers import AutoModelForCausalLM

from rewards.models.prompts import prompt_ids, render
from rl.algorithms import sft
from rl.algorithms.preference import pair_rows
from rl.config import load
from rl.errors import UserError
from rl.examples.pairs import Pair
from rl.policy.chat import check_chat
from rl.sampling.draw import sample
from rl.sampling.judge import judge
from rl.tasks import Task
from tests.rewards.conftest import config, model_folder, tokenizer
from tests.rl.samples import judged_sample
from verifiers import Step, judged
from verifiers.answer.completion import leaves_open
from verifiers.runtime.verifier import Verifier

__all__ = ["config", "model_folder", "tokenizer"]

TURN = "<|{{ m['role'] }}|>{{ m['content'] }}\n"
LOOP = f"{{% for m in messages %}}{TURN}{{% endfor %}}"
BEGIN = "{% if add_generation_prompt %}<|assistant|>{% endif %}"
QWEN = (
    LOOP + "{% if add_generation_prompt %}<|assistant|>\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
R1 = LOOP + "{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}"
GEMMA = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + LOOP
ALTERNATING = (
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}" + TURN + "{% endfor %}" + BEGIN
)
GENERATION = "{% for m in messages %}{% generation %}" + TURN + "{% endgeneration %}{% endfor %}" + BEGIN
STRIPS = "{% for m in messages %}{{ m['content'].strip() }}  \n{% endfor %}" + BEGIN
WITH_BOS = "{{ bos_token }}" + LOOP + BEGIN
TEMPLATES = {
    "qwen": QWEN,
    "r1": R1,
    "alternating": ALTERNATING,
    "generation": GENERATION,
    "strips": STRIPS,
    "bos": WITH_BOS,
}
USER = {"role": "user", "content": " 2+2? "}
SYSTEM = {"role": "system", "content": "Be brief."}


@pytest.fixture
def with_template(tokenizer):
    """Makes a tokenizer with a chat template, and a BOS token that it puts before plain texts."""

    def make(template):
        made = copy.deepcopy(tokenizer)
        made.bos_token = "<pad>"
        made.backend_tokenizer.post_processor = TemplateProcessing(single="<pad> $A", special_tokens=[("<pad>", 0)])
        made.chat_template = template
        return made

    return make


def checked(tokenizer, *prompts, overrides=()):
    own = ["name=x", "algorithm=grpo", "task=chain", "policy.model=embedded", "rewards.correctness.weight=1"]
    rows = [{"prompt": prompt, "gold": "4"} for prompt in prompts]
    task = Task("chat", {"train": rows, "validation": [], "test": rows[:1]}, Verifier("numeric"))
    return check_chat(load(None, [*own, *overrides]), task, tokenizer)


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_consumer_reads_the_same_tokens_with_one_bos_at_most(with_template, name):
    made = with_template(TEMPLATES[name])
    prompt = [USER]
    ids = prompt_ids(prompt, made)
    text = made.apply_chat_template(prompt, add_generation_prompt=True, tokenize=False)
    assert ids == made(text, add_special_tokens=False)["input_ids"]
    assert ids.count(made.bos_token_id) == (1 if name == "bos" else 0)
    kept = judged_sample("4", 1.0, ids=[5, 1], prompt=prompt)
    assert sft.row(kept, made)["input_ids"] == [*ids, 5, 1]
    assert pair_rows([Pair(kept, kept)], made)[0]["prompt_ids"] == ids
    assert checked(made, prompt) == (
        ["the chat template opens a thought, so completions begin inside it"] if name == "r1" else []
    )


@pytest.mark.parametrize(
    ("template", "prompt", "message"),
    [
        (
            GEMMA + BEGIN,
            [SYSTEM, USER],
            r"refuses row 2 of the train split, .* by system, user: System role not supported",
        ),
        (ALTERNATING, [USER, USER], r"refuses row 2 of the train split, .* by user, user: roles must alternate"),
        ("{% for m in messages %}{{ m['content'] + 1 }}{% endfor %}", [USER], "refuses row 1 of the train split"),
    ],
)
def test_a_prompt_that_the_template_refuses_is_named_before_anything_is_drawn(with_template, template, prompt, message):
    with pytest.raises(UserError, match=f"task: the policy's chat template {message}"):
        checked(with_template(template), [USER], prompt)


def test_a_template_without_a_generation_prompt_is_said(with_template):
    (note,) = checked(with_template(LOOP), [USER])
    assert note.startswith("the chat template has no generation prompt")


def test_variables_that_the_template_does_not_read_are_refused(with_template):
    assert checked(with_template(QWEN), [USER], overrides=["sampling.chat_template_kwargs.enable_thinking=false"]) == []
    with pytest.raises(UserError, match=r"sampling.chat_template_kwargs.enable_thnking: .* did you mean 'enable_think"):
        checked(with_template(QWEN), [USER], overrides=["sampling.chat_template_kwargs.enable_thnking=false"])
    with pytest.raises(UserError, match=r"evaluation.chat_template_kwargs.thinking: the chat template has no such"):
        checked(with_template(QWEN), [USER], overrides=["evaluation.chat_template_kwargs.thinking=false"])


@pytest.mark.parametrize("key", ["sampling.chat_template_kwargs.enable_thinking=false", "policy.chat_template=x.jinja"])
def test_settings_of_a_template_are_refused_where_prompts_are_plain(with_template, key):
    with pytest.raises(UserError, match="has no effect: the task's prompts are plain text"):
        checked(with_template(QWEN), "2+2?", overrides=[key])


def test_a_thought_that_the_prompt_opened_and_that_never_ends_holds_no_answer(with_template, model_folder):
    model = AutoModelForCausalLM.from_pretrained(model_folder())
    for template, opened in ((R1, True), (QWEN, False)):
        ((drawn,),) = sample(model, with_template(template), [[USER]], max_tokens=2)
        assert drawn.thinking is opened
    row = {"prompt": "2+2?", "gold": "4"}

    def right(text, thinking):
        one = dataclasses.replace(judged_sample(text, 0.0, thinking=thinking), row=row)
        return judge([one], Verifier("math"))[0].right

    assert right("The answer is 4.", thinking=False) is True
    assert right("The answer is 4.", thinking=True) is not True
    assert right("Is it 5?\n</think>\n\nThe answer is 4.", thinking=True) is True
    assert right("Is it 4?\n</think>\n\nThe answer is 5.", thinking=True) is False


def test_steps_of_an_unfinished_thought_stand_where_they_are_in_the_text():
    one = dataclasses.replace(judged_sample("2+2=4", 0.0, thinking=True), row={"prompt": "2+2?", "gold": "4"})
    seen = []

    class Marks(Verifier):
        def __call__(self, rows):
            seen.extend(row["prediction"] for row in rows)
            return [judged(0.0, steps=(Step(0, 3, "judged", 1.0), Step(7, 12, "judged", 1.0))) for _ in rows]

    (read,) = judge([one], Marks("chain"))
    assert seen == ["<think>2+2=4"] and read.text == "2+2=4"
    assert [(step.start, step.end) for step in read.verdict.steps] == [(0, 5)]


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("<|assistant|><think>\n", True),
        ("<|assistant|>\n<think>\n\n</think>\n\n", False),
        ("Reason inside <think> tags, then answer.", False),
        ("", False),
        ("[THINK]", True),
        ("<|channel|>analysis<|message|>", True),
    ],
)
def test_which_prompts_leave_a_thought_open(text, opened):
    assert leaves_open(text) is opened


def test_rendering_ends_where_the_completion_begins(with_template):
    assert render([USER], with_template(R1)).text.endswith("<|assistant|><think>\n")


def test_special_tokens_in_the_data_s_own_words_are_counted(with_template):
    made = with_template(QWEN)
    prompts = [[USER], [{"role": "user", "content": "What is <eos> for?"}], [{"role": "user", "content": "2+2<eos>"}]]
    assert checked(made, *prompts) == [
        "2 prompts have '<eos>' in a message, which the tokenizer reads as its special token, not as text"
    ]
    assert checked(made, [USER]) == []
