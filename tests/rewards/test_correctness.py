from rewards.context import Context
from rewards.correctness import Correctness, build
from verifiers.judge import Judge

PROMPTS = ["7*3-4+8?", "1+1-2?"]
COMPLETIONS = ["7*3=1;1-4=7;7+8=5#5", "1+1=2#2"]


def test_the_value_is_the_verifiers_score_and_the_steps_come_along():
    scores = Correctness(Judge("chain")).score(PROMPTS, COMPLETIONS, [[], []], gold=["5", "0"])
    assert scores.values == [1.0, 0.0]
    assert [step.score for step in scores.steps[0]] == [1.0, 1.0, 1.0]
    assert [step.score for step in scores.steps[1]] == [1.0, 0.0]
    assert scores.columns["extracted"] == ["5", "2"]


def test_it_has_trls_signature():
    reward = Correctness(Judge("chain"))
    values = reward(
        prompts=PROMPTS, completions=COMPLETIONS, completion_ids=[[], []], gold=["5", "0"], trainer_state=object()
    )
    assert values == [1.0, 0.0] and reward.__name__ == "correctness"


def test_chat_messages_are_judged_by_their_text():
    prompts = [[{"role": "system", "content": "Work."}, {"role": "user", "content": PROMPTS[0]}]]
    completions = [[{"role": "assistant", "content": COMPLETIONS[0]}]]
    assert Correctness(Judge("chain"))(prompts, completions, gold=["5"]) == [1.0]


def test_a_broken_verifier_abstains_and_is_counted():
    # no problem to check against: the verifier breaks on it
    scores = Correctness(Judge("chain")).score(["?"], ["1+1=2#2"], [[]], gold=["2"])
    assert scores.values == [None] and "ValueError" in scores.failures[0]


def test_without_a_name_the_tasks_own_verifier_judges():
    judge = Judge("chain")
    assert build("correctness", {}, Context(judge)).judge is judge
