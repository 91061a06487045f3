"""Dynamic sampling: which groups stay in the batch, how many are drawn, and how their tensors are joined."""

import threading

import torch

from rl.sampling.dynamic import Draw, fill

GROUP = 2


def drawn(asked, *draws):
    """A `draw` that hands out what is given, whatever number of groups is asked for, and notes that number.

    Group g of draw d holds completions with the ids 100 d + 10 g and 100 d + 10 g + 1.
    """
    left = list(enumerate(draws))

    def draw(groups):
        asked.append(groups)
        number, signal = left.pop(0)
        ids = [100 * number + 10 * place + member for place in range(len(signal)) for member in range(GROUP)]
        return Draw({"id": torch.tensor(ids)}, ids, [bool(carries) for carries in signal])

    return draw


def test_groups_with_signal_stay_and_those_without_give_way():
    asked = []
    output, samples, draws = fill(drawn(asked, [1, 0, 0, 0], [0, 1, 1, 0], [1, 0, 1]), 4, GROUP, draws=8, pad={})
    # with signal: group 0 of draw 0, groups 1 and 2 of draw 1, group 0 of draw 2; its group 2 is one too many
    assert output["id"].tolist() == samples == [0, 1, 110, 111, 120, 121, 200, 201]
    # 3 missing at a share of 1/4 would be 12, but no draw is larger than the batch; 1 missing at 3/8 is 2.67, so 3
    assert (asked, draws) == ([4, 4, 3], 3)


def test_every_draw_counts_towards_what_is_missing():
    asked = []
    fill(drawn(asked, [0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]), 4, GROUP, draws=9, pad={})
    # 2 of 8 carry signal, then 3 of 12: the fourth draw asks for 1 / (1/4)
    assert asked == [4, 4, 4, 4]


def test_what_the_budget_does_not_fill_stays_without_signal_at_the_end():
    asked = []
    output, _, draws = fill(drawn(asked, [0, 0, 1, 0], [0, 1, 0, 0]), 4, GROUP, draws=2, pad={})
    assert output["id"].tolist() == [20, 21, 110, 111, 0, 1, 10, 11]
    assert (asked, draws) == ([4, 4], 2)


def test_a_batch_full_of_signal_is_drawn_once_and_left_as_it_is():
    asked, made = [], {"id": torch.arange(4), "note": "as it was"}
    output, _, draws = fill(
        lambda groups: asked.append(groups) or Draw(made, [], [True, True]), 2, GROUP, draws=5, pad={}
    )
    assert output is made and (asked, draws) == ([2], 1)


def test_a_share_below_a_quarter_counts_as_a_quarter():
    asked = []
    fill(drawn(asked, [0] * 15 + [1], [1] * 16), 16, GROUP, draws=2, pad={})
    fill(drawn(asked, [1] * 14 + [0] * 2, [1] * 3), 16, GROUP, draws=2, pad={})
    fill(drawn(asked, [0] * 100, [1] * 100), 100, GROUP, draws=2, pad={})
    # 15 / 0.25 = 60 and 100 / 0.25 = 400 are capped at the batch; 2 / (14 / 16) = 2.29
    assert asked == [16, 16, 16, 3, 100, 100]


def test_a_process_that_misses_nothing_draws_along_with_one_that_does():
    asked = []
    output, _, draws = fill(
        drawn(asked, [1, 1, 1, 1], [1, 0]), 4, GROUP, draws=2, pad={}, most=lambda missing: max(missing, 2)
    )
    # the other one misses 2, and here every group carried signal: 2 / 1
    assert (asked, draws) == ([4, 2], 2)
    assert output["id"].tolist() == [0, 1, 10, 11, 20, 21, 30, 31]


def test_processes_with_different_shares_of_signal_draw_equally_many():
    asked, at_once, numbers = [[], []], threading.Barrier(2, timeout=10), {}

    def process(rank, *signal):
        def most(number):
            numbers[rank] = number
            at_once.wait()
            largest = max(numbers.values())
            at_once.wait()
            return largest

        fill(drawn(asked[rank], *signal), 8, GROUP, draws=3, pad={}, most=most)

    others = [threading.Thread(target=process, args=(0, [1] * 8, [1] * 2))]
    others += [threading.Thread(target=process, args=(1, [1] * 7 + [0], [1] * 2))]
    for one in others:
        one.start()
    for one in others:
        one.join(10)
    # the second process misses 1 at a share of 7/8, so it wants 2; the first would want 1 at a share of 1
    assert asked == [[8, 2], [8, 2]]


def test_tensors_of_different_width_are_padded_on_their_side_with_their_value():
    narrow = {"prompt": torch.tensor([[1], [2]]), "completion": torch.tensor([[3], [4]]), "total": torch.tensor(7)}
    wide = {"prompt": torch.tensor([[5, 6], [7, 8]]), "completion": torch.tensor([[9, 1], [2, 3]]), "total": 8}
    batches = [Draw({**narrow, "name": "first"}, [0, 1], [False]), Draw({**wide, "name": "second"}, [2, 3], [True])]
    pad = {"prompt": ("left", -1.0), "completion": ("right", -2.0)}
    # two groups are wanted and two are drawn: the one with signal comes first
    output, _, _ = fill(lambda groups: batches.pop(0), 2, GROUP, draws=2, pad=pad)
    assert output["prompt"].tolist() == [[5, 6], [7, 8], [-1, 1], [-1, 2]]
    assert output["completion"].tolist() == [[9, 1], [2, 3], [3, -2], [4, -2]]
    assert output["total"] == 7 and output["name"] == "first"  # of the batch, not of a completion


def test_a_tensor_without_a_rule_is_padded_on_the_right_with_zeros():
    batches = [
        Draw({"x": torch.tensor([[1.0], [2.0]])}, [0, 1], [False]),
        Draw({"x": torch.ones(2, 3)}, [2, 3], [True]),
    ]
    output, _, _ = fill(lambda groups: batches.pop(0), 2, GROUP, draws=2, pad={})
    assert output["x"].tolist() == [[1.0, 1.0, 1.0]] * 2 + [[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]]
