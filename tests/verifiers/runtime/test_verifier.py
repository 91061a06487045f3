"""One verifier over rows: options, columns, failures, and what goes to the pool."""

import subprocess
import sys

import pytest

from verifiers import VERIFIERS
from verifiers.runtime import verifier as verifier_module
from verifiers.runtime.names import nearest
from verifiers.runtime.verifier import Verifier, load
from verifiers.verdict import judged

ALGEBRA = {"prediction": r"\boxed{\sin(x) + 1}", "gold": r"1 + \sin(x)"}


def test_an_unknown_verifier_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'math'"):
        Verifier("maths")


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(ValueError, match="verifier 'math' has no option 'strickt'; did you mean 'strict'"):
        Verifier("math", strickt=True)
    with pytest.raises(ValueError, match="did you mean 'deadline'"):
        Verifier("math", deadlin=1)


def test_limits_of_the_pool_are_no_options_of_an_inline_verifier():
    with pytest.raises(ValueError, match="has no option 'deadline'"):
        Verifier("chain", deadline=1)


def test_a_deadline_is_more_than_nothing():
    with pytest.raises(ValueError, match="more than 0 s"):
        Verifier("math", deadline=-1)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("math", {"digits": 0}, "verifier 'math': digits is a whole number from 1 on, not 0"),
        ("math", {"percent": "always"}, "percent is 'value' or 'optional', not 'always'"),
        ("math", {"strict": "yes"}, "strict is of type bool, not 'yes'"),
        ("numeric", {"absolute": True}, "absolute is of type float, not True"),
        ("numeric", {"absolute": -1}, "a tolerance is a number of at least 0, got absolute=-1"),
        ("boolean", {"ambiguous": "right"}, "ambiguous: expected 'wrong' or 'abstain', got 'right'"),
        ("choice", {"ambiguous": "right"}, "ambiguous: expected 'wrong' or 'abstain', got 'right'"),
        ("countdown", {"use": "some"}, "use is 'all' or 'any', not 'some'"),
        ("exact", {"measure": "bleu"}, "measure: expected 'equal' or 'f1', got 'bleu'"),
        ("logic", {"order": "any"}, "order 'chained' or 'free'"),
        ("steps", {"step_unit": "word"}, "step_unit is 'equation' or 'line', not 'word'"),
        ("code", {"seconds": 0}, "seconds must be positive"),
    ],
)
def test_a_value_that_an_option_cannot_have_is_refused_before_anything_is_judged(name, options, message):
    with pytest.raises(ValueError, match=message):
        Verifier(name, **options)


def test_values_that_options_can_have_are_taken():
    for name, options in {
        "math": {"digits": 3, "strict": True}, "numeric": {"absolute": 1}, "choice": {"ambiguous": "abstain"},
        "steps": {"prompt": [], "constants": [1]}, "facts": {}, "format": {"max_words": 3}, "logic": {"order": "free"},
    }.items():  # fmt: skip
        Verifier(name, **options)


def test_a_verifier_says_which_columns_it_needs_and_misses_them():
    verifier = Verifier("chain")
    assert verifier.columns == ("prompt",)
    with pytest.raises(KeyError, match="prompt"):
        verifier([{"prediction": "1", "gold": "1"}])


def test_a_rows_own_option_wins_over_the_one_given():
    rows = [{"prediction": "It makes 4", "gold": "4"}, {"prediction": "It makes 4", "gold": "4", "strict": False}]
    assert [verdict.score for verdict in Verifier("math", strict=True)(rows)] == [0.0, 1.0]


def test_a_verifier_that_breaks_is_failed_and_the_others_are_judged():
    rows = [{"prediction": 5, "gold": "5"}, {"prediction": "5", "gold": "5"}]
    verdicts = Verifier("math")(rows)
    assert [verdict.status for verdict in verdicts] == ["failed", "judged"]
    assert verdicts[0].score is None and "TypeError" in verdicts[0].reason


def test_fast_and_slow_rows_keep_their_order():
    rows = [
        {"prediction": rf"\boxed{{{answer}}}", "gold": gold}
        for answer, gold in (("1", "1"), ("x+1", "1+x"), ("2", "3"), ("x+2", "1+x"), ("4", "4"), ("x+1", "1+x"))
    ]
    assert [verdict.score for verdict in Verifier("math")(rows)] == [1.0, 1.0, 0.0, 0.0, 1.0, 1.0]


def test_equal_pairs_go_to_the_pool_once(monkeypatch):
    import verifiers.runtime.pool as pool_module

    sizes = []

    class Counting:
        def run(self, calls, deadline):
            sizes.append((len(calls), deadline))
            return [judged(1) for _ in calls]

    monkeypatch.setattr(pool_module, "shared", lambda module, **limits: Counting())
    verifier = Verifier("math", deadline=0.25)
    assert len(verifier([ALGEBRA] * 50 + [{**ALGEBRA, "gold": r"2 + \sin(x)"}])) == 51
    verifier([ALGEBRA] * 3)
    assert sizes == [(2, 0.25)]


def test_a_failure_is_not_remembered(monkeypatch):
    import verifiers.runtime.pool as pool_module
    from verifiers.verdict import failed

    answers = iter([[failed("busy")], [judged(1)]])

    class Flaky:
        def run(self, calls, deadline):
            return next(answers)

    monkeypatch.setattr(pool_module, "shared", lambda module, **limits: Flaky())
    verifier = Verifier("math")
    assert [verifier([ALGEBRA])[0].status for _ in range(3)] == ["failed", "judged", "judged"]


def test_what_is_remembered_is_bounded(monkeypatch):
    import verifiers.runtime.pool as pool_module

    class Yes:
        def run(self, calls, deadline):
            return [judged(1) for _ in calls]

    monkeypatch.setattr(pool_module, "shared", lambda module, **limits: Yes())
    monkeypatch.setattr(verifier_module, "REMEMBERED", 30)
    verifier = Verifier("math")
    verifier([{"prediction": rf"\tan(x)+{n}", "gold": r"\tan(x)"} for n in range(50)])
    assert len(verifier._remembered) == 30


def test_no_rows_are_no_work():
    assert Verifier("math")([]) == []


def test_load_gives_the_verify_function():
    assert load("math").__module__ == "verifiers.math"


def test_the_hint_lists_all_where_none_is_near():
    assert nearest("zzz", {"a", "b"}) == "there are: a, b"
    assert nearest("zzz", ()) == "there are none"


def test_verifiers_import_without_torch_sympy_or_pebble():
    code = (
        "import sys, verifiers.runtime.verifier, verifiers.math;"
        "verifiers.runtime.verifier.Verifier('math')([{'prediction': '1', 'gold': '1'}]);"
        "print([m for m in ('torch', 'sympy', 'math_verify', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr


def test_a_verifier_that_judges_steps_says_so():
    says = {name for name in VERIFIERS if Verifier(name).judges_steps}
    assert says == {"addition", "chain", "facts", "logic", "steps", "zip"}


def test_no_row_can_weaken_the_sandbox_of_programs():
    code = Verifier("code")
    row = {"prediction": "1", "gold": "1", "allow_unsandboxed": True, "preload": "os", "stdin": "x"}
    assert code.arguments(row) == {"stdin": "x"}
    assert code.set_by([row]) is None
    assert code.set_by([{"memory": 10**6, "gold": "1"}]) is not None
