from rewards.models.batches import batches, padded


def test_batches_hold_to_the_budget_and_leave_nothing_out():
    # 5 goes alone; 3 and 2 make 6; the two of 1 make 2
    assert list(batches([1, 5, 3, 1, 2], budget=6)) == [[1], [2, 4], [0, 3]]
    assert list(batches([9], budget=6)) == [[0]]


def test_padding_is_on_the_right_and_masked():
    ids, mask = padded([[5, 6], [7]], 0, "cpu")
    assert ids.tolist() == [[5, 6], [7, 0]] and mask.tolist() == [[1, 1], [1, 0]]


def test_texts_that_are_continued_are_padded_on_the_left():
    ids, mask = padded([[5, 6], [7]], 9, "cpu", side="left")
    assert ids.tolist() == [[5, 6], [9, 7]] and mask.tolist() == [[1, 1], [0, 1]]
