"""Tests as they are read, and what counts as passed, without a sandbox."""

import pytest

from verifiers.execution.comparison import same
from verifiers.execution.extraction import program
from verifiers.execution.input_output import parse_pairs, returned_as_wanted
from verifiers.execution.suite import BadTest, failure
from verifiers.execution.suite import Test as OneTest
from verifiers.execution.tests import parse_tests


def test_a_tolerance_includes_its_bound():
    assert same(1.5, 1, 0.5, 0.0) and not same(1.75, 1, 0.5, 0.0)


def test_only_the_word_true_says_that_statements_passed():
    assert failure(OneTest("f()", ("passes", "f()"), None, True), {"passed": 1}) == "failed"


def test_values_that_cannot_be_compared_fail_with_the_reason():
    test = OneTest("f() < 3", ("value", "f()"), lambda value: value < 3, True)
    assert str(failure(test, {"value": None})).startswith("cannot be compared")


def test_no_inputs_and_outputs_are_no_tests():
    with pytest.raises(BadTest, match="no tests"):
        parse_tests({"inputs": [], "outputs": []})


def test_two_keys_that_are_alike_as_text_are_not_one():
    assert not returned_as_wanted({1: 2, "1": 2}, {"1": 2})


def test_a_case_of_standard_input_calls_no_function():
    pairs = parse_pairs([{"input": "1\n", "output": "1\n", "testtype": "stdin"}], "f")
    assert pairs is not None and len(pairs.runs) == 1 and not pairs.calls


def test_a_shorter_fence_does_not_close_a_longer_one():
    assert program("````python\nx = 1\n```\ny = 2\n````") == "x = 1\n```\ny = 2\n"
