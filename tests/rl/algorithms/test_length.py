"""Parts of similar length, and the columns removed from them."""

import pytest
import torch

from rl.algorithms.length import parts_by_length, trimmed


def parts(*lengths):
    return [[lengths[row] for row in part.tolist()] for part in parts_by_length(torch.tensor(lengths))]


def test_a_part_ends_where_sequences_are_shorter_than_three_quarters_of_its_longest():
    # 0.75 x 100 = 75: 75 is in, 74 begins a part of its own
    assert parts(*[74] * 8, *[100] * 7, 75, 75) == [[100] * 7 + [75, 75], [74] * 8]


def test_a_part_has_at_least_eight_sequences():
    assert parts(*[100] * 7, *[10] * 8) == [[100] * 7 + [10] * 8]  # the first would be seven
    assert parts(*[100] * 8, *[10] * 8) == [[100] * 8, [10] * 8]
    assert parts(*[100] * 8, *[10] * 7) == [[100] * 8 + [10] * 7]  # the second would be


def test_parts_may_be_many_and_hold_every_row_once():
    lengths = [400] * 8 + [200] * 9 + [100] * 8
    rows = [row for part in parts_by_length(torch.tensor(lengths)) for row in part.tolist()]
    assert sorted(rows) == list(range(25)) and rows == list(range(25))  # equal lengths keep their order
    assert parts(*lengths) == [[400] * 8, [200] * 9, [100] * 8]


def test_a_later_part_has_at_least_eight_sequences_too():
    # at the first 100 the second part has four; it ends at the fifth, when it has eight
    assert parts(*[400] * 8, *[200] * 4, *[100] * 12) == [[400] * 8, [200] * 4 + [100] * 4, [100] * 8]


IDS = torch.tensor([[0, 0, 3, 4, 5, 0, 0, 0], [0, 2, 3, 4, 5, 6, 0, 0]])
MASK = (IDS > 0).long()


def test_columns_that_are_padding_in_every_row_are_cut():
    ids, mask, cut = trimmed(IDS, MASK, keep=4)
    assert ids.tolist() == [[0, 3, 4, 5, 0], [2, 3, 4, 5, 6]]
    assert mask.tolist() == [[0, 1, 1, 1, 0], [1, 1, 1, 1, 1]]
    assert (cut.left, cut.right) == (1, 2)


def test_on_the_left_nothing_is_cut_where_positions_would_move():
    ids, _, cut = trimmed(IDS, MASK, keep=4, left=False)
    assert ids.tolist() == IDS[:, :6].tolist() and (cut.left, cut.right) == (0, 2)


@pytest.mark.parametrize(("keep", "right"), [(1, 0), (2, 1), (3, 2), (4, 2)])
def test_of_the_completions_one_column_is_kept_at_least(keep, right):
    # six columns are used; the completions are the last `keep` of eight
    assert trimmed(IDS, MASK, keep=keep)[2].right == right


def test_a_batch_without_a_token_keeps_a_column_of_the_completions():
    ids, mask, cut = trimmed(IDS, torch.zeros_like(IDS), keep=3)
    assert (cut.left, cut.right) == (0, 2) and ids.shape == mask.shape == (2, 6)
