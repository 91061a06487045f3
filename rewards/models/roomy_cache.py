"""A key-value cache with room for the tokens to come.

transformers' own layers make a new tensor of all keys and values at each token.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer


def make_room(cache: Cache, most: int, rows: Tensor | None) -> None:
    """Let the layers of a cache write into room for `most` tokens, if they are transformers' usual ones.

    Args:
        cache: the cache.
        most: number of tokens.
        rows: the rows that it is to hold, which may repeat; None for those that it holds.
    """
    usual = [layer for layer in cache.layers if type(layer) is DynamicLayer]
    if isinstance(cache, DynamicCache) and len(usual) == len(cache.layers):
        roomy: list[Any] = [RoomyLayer(layer, most, rows) for layer in usual]
        cache.layers = roomy
    elif rows is not None:
        cache.batch_select_indices(rows)


class RoomyLayer(DynamicLayer):
    """Keys and values of a layer with room for those to come, so that a token does not copy what is there.

    Args:
        filled: the keys and values so far.
        most: number of tokens that there has to be room for.
        rows: the rows to take, which may repeat; None for all.
    """

    def __init__(self, filled: DynamicLayer, most: int, rows: Tensor | None = None) -> None:
        super().__init__()
        assert filled.keys is not None and filled.values is not None
        self.dtype, self.device, self.is_initialized = filled.keys.dtype, filled.keys.device, True
        self._room = [_with_room(of if rows is None else of[rows], most) for of in (filled.keys, filled.values)]
        self._show(filled.keys.shape[2])

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write the keys and values (R, heads, tokens, size) of further tokens, and return all."""
        length = self._length + key_states.shape[2]
        for room, new in zip(self._room, (key_states, value_states), strict=True):
            room[:, :, self._length : length] = new
        return self._show(length)

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep the given rows alone."""
        most = self._room[0].shape[2]
        self._room = [_with_room(room[indices, :, : self._length], most) for room in self._room]
        self._show(self._length)

    def _show(self, length: int) -> tuple[Tensor, Tensor]:
        self._length = length
        self.keys, self.values = (room[:, :, :length] for room in self._room)
        return self.keys, self.values


def _with_room(states: Tensor, most: int) -> Tensor:
    rows, heads, length, size = states.shape
    room = states.new_empty(rows, heads, most, size)
    room[:, :, :length] = states
    return room
