"""The size of updates and of logits, compared with what all weights and all logits say."""

import torch
from torch import nn

from rl.runs.proxies import WEIGHTS, last_hidden, some_weights, update_ratio


def test_the_update_ratio_is_that_of_all_weights_where_they_are_few():
    model = nn.Linear(3, 2)
    nn.init.constant_(model.weight, 2.0)
    nn.init.constant_(model.bias, 1.0)
    before = some_weights(model)
    with torch.no_grad():
        model.weight += 0.3
    # |Δ|² = 6 x 0.09, |θ|² = 6 x 4 + 2
    assert abs(update_ratio(before, some_weights(model)) - (0.54 / 26) ** 0.5) < 1e-6


def test_of_large_tensors_some_weights_are_looked_at_and_frozen_ones_not_at_all():
    model = nn.Sequential(nn.Linear(100, 100), nn.Linear(4, 4))
    model[1].requires_grad_(False)
    sizes = [len(weights) for weights in some_weights(model)]
    assert sizes == [1024, 100] and max(sizes) <= WEIGHTS


def test_the_weights_of_a_large_tensor_are_in_runs_that_are_evenly_spaced():
    model = nn.Linear(100, 100, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.arange(10_000.0).view(100, 100))
    (weights,) = some_weights(model)
    assert weights[:17].tolist() == [*range(16), 156]  # 64 runs of 16, each 10,000 / 64 after the one before


def test_the_copies_do_not_follow_the_weights():
    model = nn.Linear(2, 2)
    before = some_weights(model)[0].clone()
    kept = some_weights(model)
    with torch.no_grad():
        model.weight.zero_()
    assert torch.equal(kept[0], before)


def test_a_step_that_was_skipped_has_changed_nothing():
    weights = some_weights(nn.Linear(2, 2))
    assert update_ratio(weights, weights) == 0.0


def test_padding_on_either_side_is_no_last_token():
    hidden = torch.arange(12.0).view(2, 3, 2)
    mask = torch.tensor([[1, 1, 0], [0, 1, 1], [1, 0, 0]])
    assert last_hidden(hidden, mask).tolist() == [[2.0, 3.0], [10.0, 11.0]]
    for other in (None, torch.ones(2, 1, 3, 3)):
        assert last_hidden(hidden, other).tolist() == [[4.0, 5.0], [10.0, 11.0]]
