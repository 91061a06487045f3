"""The embedded policy: a small Llama from scratch, warmed up on a task's demonstrator, cached by what made it.

No download and no hub. The cache key is a hash of everything that decides the weights (the warm-start settings, the
demonstrations' vocabulary and habits, the versions of torch and transformers, this file), so that a change of any of
them makes a new policy and an old one is never mistaken for it.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import platformdirs
import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from rewards.models.batches import stacked
from rl.config import WarmStart
from rl.tasks.task import Task

PAD, EOS, UNKNOWN = SPECIAL = ("<pad>", "<eos>", "<unk>")
IGNORE = -100


def warm_started(task: Task, settings: WarmStart, report: Callable[[int, float], None] | None = None) -> Path:
    """The folder of the warm-started policy and its tokenizer, trained now unless it is in the cache.

    Args:
        task: a task with a vocabulary and a demonstrator.
        settings: size of the model and of the supervised training.
        report: called with the step and its loss (nats a token) while training.

    Returns:
        A folder for `from_pretrained`.
    """
    assert task.vocabulary and task.demonstrate, f"{task.name} has no demonstrator"
    folder = cache_folder() / f"{task.name}-{_fingerprint(task, settings)}"
    if (folder / "model.safetensors").exists():
        return folder
    tokenizer = build_tokenizer(task.vocabulary)
    model = train(task, settings, tokenizer, report)
    # several processes may get here at once: each writes its own folder and the first rename wins
    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    model.save_pretrained(draft)
    tokenizer.save_pretrained(draft)
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft)
    return folder


def cache_folder() -> Path:
    """Where warm-started policies are kept: `WHETSTONE_CACHE`, or the user's cache folder."""
    folder = Path(os.environ.get("WHETSTONE_CACHE") or platformdirs.user_cache_dir("whetstone"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def build_tokenizer(vocabulary: tuple[str, ...]) -> PreTrainedTokenizerFast:
    """A tokenizer whose tokens are the vocabulary's strings; decoding gives the text back to the character."""
    ids = {token: i for i, token in enumerate((*SPECIAL, *vocabulary))}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN))
    longest_first = sorted(vocabulary, key=len, reverse=True)
    pattern = "|".join("".join(f"\\x{{{ord(c):x}}}" for c in token) for token in longest_first)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNKNOWN,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def train(
    task: Task,
    settings: WarmStart,
    tokenizer: PreTrainedTokenizerFast,
    report: Callable[[int, float], None] | None = None,
) -> LlamaForCausalLM:
    """Supervised training from scratch: next-token loss on completions of the demonstrator, cosine learning rate.

    Args:
        task: has a vocabulary and a demonstrator.
        settings: size of the model and of the training.
        tokenizer: of the task's vocabulary.
        report: called with the step and its loss (nats a token).
    """
    demonstrate = task.demonstrate
    assert demonstrate
    torch.manual_seed(settings.seed)
    rng = random.Random(f"demonstrations {settings.seed}")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden,
        intermediate_size=4 * settings.hidden,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=SPECIAL.index(EOS),
        pad_token_id=SPECIAL.index(PAD),
    )
    model = LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.steps, pct_start=min(0.1, 20 / settings.steps)
    )
    for step in range(settings.steps):
        demonstrations = [demonstrate(rng) for _ in range(settings.batch)]
        ids_BT, labels_BT = encode(demonstrations, tokenizer)
        loss = model(input_ids=ids_BT, labels=labels_BT).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if report:
            report(step + 1, loss.item())
    return model.eval()


def encode(
    demonstrations: list[tuple[str, str]], tokenizer: PreTrainedTokenizerFast
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and labels, padded on the right, both (B, T); only completions carry labels.

    Attention needs no mask here: padding on the right comes after everything that has a label.

    Args:
        demonstrations: B pairs of prompt and completion.
        tokenizer: of the task's vocabulary.
    """
    rows = []
    for prompt, completion in demonstrations:
        prompt_ids = tokenizer.encode(prompt, add_special_tokens=False)
        completion_ids = [*tokenizer.encode(completion, add_special_tokens=False), tokenizer.eos_token_id]
        rows.append((prompt_ids + completion_ids, [IGNORE] * len(prompt_ids) + completion_ids))
    ids, labels = zip(*rows, strict=True)
    return stacked(ids, SPECIAL.index(PAD)), stacked(labels, IGNORE)


def _fingerprint(task: Task, settings: WarmStart) -> str:
    rng = random.Random("fingerprint")
    assert task.demonstrate
    made_by = {
        "settings": settings.model_dump(mode="json"),
        "vocabulary": task.vocabulary,
        "demonstrations": [task.demonstrate(rng) for _ in range(200)],
        "versions": [torch.__version__, transformers.__version__],
        "code": Path(__file__).read_text(encoding="utf-8"),
    }
    return hashlib.blake2b(json.dumps(made_by).encode(), digest_size=8).hexdigest()
