"""The state of a model: its device, its evaluation mode, and a fingerprint of its weights."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from rewards.models.types import Classifier, Model


def default_device() -> str:
    """This process's GPU, or the CPU."""
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"


def move(model: nn.Module, device: str | torch.device | None) -> None:
    """Move a model to a device. The `to` of transformers' models hides its arguments from type checkers.

    Args:
        model: any module.
        device: the device; None leaves the model where it is.
    """
    model.to(device)


def device_of(model: Model) -> torch.device:
    """The device of a model's inputs, also if a wrapper does not have this attribute."""
    return embedding(model).device


def embedding(model: Model) -> torch.Tensor:
    """The weights of the input embedding, with one row per token."""
    weight = model.get_input_embeddings().weight
    assert isinstance(weight, torch.Tensor)
    return weight


@contextmanager
def judging(model: Classifier) -> Iterator[None]:
    """Within this context, run a model in evaluation mode and without gradients; its mode is restored afterwards."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():  # not inference mode, whose tensors cannot be used in training later
            yield
    finally:
        model.train(was_training)


def fingerprint(model: Model) -> str:
    """A hash of every parameter's name, shape and sums, which differs between two sets of weights."""
    digest = hashlib.blake2b(digest_size=12)
    with torch.no_grad():
        for name, weight in model.state_dict().items():
            if weight.is_floating_point():
                flat = weight.detach().double().flatten()
                sums = (flat.sum().item(), flat.square().sum().item(), flat[:: max(1, len(flat) // 97)].tolist())
                digest.update(f"{name} {tuple(weight.shape)} {sums}".encode())
    return digest.hexdigest()
