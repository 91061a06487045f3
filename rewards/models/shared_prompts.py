r"""One pass over sequences that share a prompt, which computes the prompt once instead of once per sequence.

G completions of T tokens each, with a prompt of P tokens, are G (P + T) tokens, although the prompt's hidden states are
the same in all of them. Packed into one row they are P + G (T + 1) tokens:

    prompt without its last token | last token, completion 1 | last token, completion 2 | …

A token attends only to the prompt and to its own completion (a block mask), and positions restart with each
completion. So every token sees exactly what it would see in a separate sequence, and log-probabilities and gradients
are the same up to rounding. The prompt's last token is repeated because it predicts the first token of each completion.

Attention is computed over the whole row, including pairs that the mask excludes. Long rows can therefore cost more than
they save, and a prompt's completions may be split over several rows: `packed` chooses the number of completions per row
with the lowest cost, and returns None if no packing is cheaper than the separate sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rewards.models.attention import implementation
from rewards.models.types import Model

IGNORED = -100
"""The label of a token whose log-probability is not needed."""
LEAST_GAIN = 1.15
"""The factor by which packed rows must be cheaper."""
LEAST_SAVED = 2e9
"""Operations of a forward pass that packing must save. For small models and batches, building the rows and their mask
takes longer than computing the tokens that packing saves."""


@dataclass(frozen=True)
class Size:
    """The size of a model, which determines the cost of a pass.

    Attributes:
        hidden: its hidden size, d.
        layers: its number of layers.
    """

    hidden: int
    layers: int

    @classmethod
    def of(cls, model: Model) -> Size:
        """The size of a model, by its config."""
        config = model.config.get_text_config()
        return cls(config.hidden_size, config.num_hidden_layers)

    def operations(self, length: int) -> float:
        """Approximate number of multiplications and additions in a forward pass over a row of `length` tokens.

        A layer takes about 24 d² per token in its linear maps and 4 L d in attention over L tokens.
        """
        return self.layers * length * (24 * self.hidden**2 + 4 * length * self.hidden)


@dataclass(frozen=True)
class Packed:
    """R sequences with shared prompts and at most T completion tokens, packed into C rows of L tokens.

    Attributes:
        ids_CL: token ids.
        positions_CL: each token's position in its own sequence.
        labels_CL: token ids of the completions, `IGNORED` elsewhere.
        attends_C1LL: whether a token (third dimension) attends to another (fourth).
        places_RT: index, among the C · L tokens, of the token before each completion token; 0 on padding.
        mask_RT: 1 on completion tokens.
    """

    ids_CL: Tensor
    positions_CL: Tensor
    labels_CL: Tensor
    attends_C1LL: Tensor
    places_RT: Tensor
    mask_RT: Tensor

    def inputs(self, model: Model) -> dict[str, Tensor]:
        """The arguments of the model's call: token ids, the block mask in the form that its attention takes, positions.

        Args:
            model: a model for which `attends_where_told` holds, without wrappers such as DDP.
        """
        mask = self.attends_C1LL
        if implementation(model) == "eager":  # which adds the mask to its scores
            dtype = next(parameter.dtype for parameter in model.parameters())
            mask = torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min)
        return {"input_ids": self.ids_CL, "attention_mask": mask, "position_ids": self.positions_CL}

    def unpacked(self, values_CL: Tensor) -> Tensor:
        """The values computed at the token before each completion token, (R, T); 0 on padding.

        Args:
            values_CL: a value for each token of the rows; the last column, which predicts nothing, may be missing.
        """
        if values_CL.shape[1] < self.ids_CL.shape[1]:
            values_CL = torch.nn.functional.pad(values_CL, (0, self.ids_CL.shape[1] - values_CL.shape[1]))
        found_RT = values_CL.flatten()[self.places_RT]
        return torch.where(self.mask_RT.bool(), found_RT, torch.zeros_like(found_RT))


@dataclass(frozen=True)
class Sequences:
    """A batch of sequences: their lengths, and which of them share a prompt.

    Attributes:
        prompt_lengths: number of tokens of each prompt.
        lengths: number of tokens of each completion.
        groups: indices of the sequences that share a prompt, one list for each prompt.
    """

    prompt_lengths: list[int]
    lengths: list[int]
    groups: list[list[int]]

    def rows(self, size: int) -> list[list[int]]:
        """The sequences of each packed row, if a row holds at most `size` completions of one prompt."""
        return [group[at : at + size] for group in self.groups for at in range(0, len(group), size)]

    def packed_lengths(self, rows: Sequence[Sequence[int]]) -> list[int]:
        """Number of tokens of each packed row."""
        return [self.prompt_lengths[row[0]] - 1 + sum(self.lengths[r] + 1 for r in row) for row in rows]


def pays(ids_RS: Tensor, mask_RS: Tensor, width: int, size: Size, *, always: bool = False) -> bool:
    """Whether `packed` would pack these sequences, decided without building the rows.

    Args:
        ids_RS: token ids of prompts, padded on the left, and completions, padded on the right.
        mask_RS: 1 on tokens.
        width: T, the columns of the completions.
        size: of the model that is to run them.
        always: whether to pack even where it does not pay.
    """
    return _planned(ids_RS, mask_RS, width, size, always) is not None


def packed(ids_RS: Tensor, mask_RS: Tensor, width: int, size: Size, *, always: bool = False) -> Packed | None:
    """The sequences as packed rows, if that is cheaper.

    Args:
        ids_RS: token ids of prompts, padded on the left, and completions, padded on the right.
        mask_RS: 1 on tokens.
        width: T, the columns of the completions.
        size: of the model that is to run them.
        always: whether to pack even where it does not pay.

    Returns:
        The rows; None if packing is not cheaper or not possible, because a prompt has no tokens or a completion has
        masked tokens between others.
    """
    planned = _planned(ids_RS, mask_RS, width, size, always)
    return None if planned is None else _laid_out(*planned, ids_RS, width)


def _planned(
    ids_RS: Tensor, mask_RS: Tensor, width: int, size: Size, always: bool
) -> tuple[Sequences, list[list[int]]] | None:
    """The sequences, and the sequences of each packed row; None if `packed` returns None."""
    found = _sequences(ids_RS, mask_RS, width)
    if found is None:
        return None
    rows, cost = _cheapest(found, size)
    # separate sequences may be run in batches of similar length, so their padding is not counted
    plain = sum(size.operations(p + t) for p, t in zip(found.prompt_lengths, found.lengths, strict=True))
    if not always and (plain < LEAST_GAIN * cost or plain - cost < LEAST_SAVED):
        return None
    return found, rows


def _sequences(ids_RS: Tensor, mask_RS: Tensor, width: int) -> Sequences | None:
    edge = ids_RS.shape[1] - width
    prompt_mask, mask = mask_RS[:, :edge], mask_RS[:, edge:]
    holes = ((prompt_mask[:, 1:] < prompt_mask[:, :-1]).any() | (mask[:, 1:] > mask[:, :-1]).any()).item()
    prompt_lengths, lengths = prompt_mask.sum(1).tolist(), mask.sum(1).tolist()
    if holes or min(prompt_lengths) < 1:
        return None
    groups: dict[tuple[int, ...], list[int]] = {}
    for row, (ids, length) in enumerate(zip(ids_RS[:, :edge].tolist(), prompt_lengths, strict=True)):
        groups.setdefault(tuple(ids[edge - length :]), []).append(row)
    return Sequences(prompt_lengths, lengths, list(groups.values()))


def _cheapest(found: Sequences, size: Size) -> tuple[list[list[int]], float]:
    """The sequences of each row, for the cheapest number of completions per row, and the cost."""
    most, choices = max(map(len, found.groups)), []
    while True:
        rows = found.rows(most)
        lengths = found.packed_lengths(rows)
        choices.append((rows, len(rows) * size.operations(max(lengths))))  # including padding
        if most == 1:
            return min(choices, key=lambda choice: choice[1])
        most = -(-most // 2)


def _laid_out(found: Sequences, rows: Sequence[Sequence[int]], ids_RS: Tensor, width: int) -> Packed:
    edge, longest = ids_RS.shape[1] - width, max(found.packed_lengths(rows))
    ids_RS, device = ids_RS.cpu(), ids_RS.device
    ids_CL = torch.zeros(len(rows), longest, dtype=torch.long)
    positions_CL, labels_CL = torch.zeros_like(ids_CL), torch.full_like(ids_CL, IGNORED)
    block_CL = torch.full_like(ids_CL, -1)  # 0 for the prompt, 1, 2, … for completions, -1 for padding
    places_RT = torch.zeros(len(ids_RS), width, dtype=torch.long)
    for c, row in enumerate(rows):
        shared = found.prompt_lengths[row[0]] - 1
        ids_CL[c, :shared] = ids_RS[row[0], edge - 1 - shared : edge - 1]
        positions_CL[c, :shared] = torch.arange(shared)
        block_CL[c, :shared] = 0
        at = shared
        for number, r in enumerate(row, start=1):
            length = found.lengths[r]
            end = at + 1 + length
            ids_CL[c, at:end] = ids_RS[r, edge - 1 : edge + length]
            positions_CL[c, at:end] = torch.arange(shared, shared + 1 + length)
            labels_CL[c, at + 1 : end] = ids_CL[c, at + 1 : end]
            block_CL[c, at:end] = number
            places_RT[r, :length] = torch.arange(c * longest + at, c * longest + end - 1)
            at = end
    lengths_R1 = torch.tensor(found.lengths).unsqueeze(1)
    block_CL = block_CL.to(device)
    same_CLL = block_CL.unsqueeze(2) == block_CL.unsqueeze(1)
    attends_CLL = (
        same_CLL | (block_CL == 0).unsqueeze(1)
    ).tril()  # padding attends to padding, because each token must attend to something
    return Packed(
        ids_CL.to(device),
        positions_CL.to(device),
        labels_CL.to(device),
        attends_CLL.unsqueeze(1),
        places_RT.to(device),
        (torch.arange(width) < lengths_R1).long().to(device),
    )
