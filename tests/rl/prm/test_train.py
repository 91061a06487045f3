import json
import math
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModelForCausalLM, BertConfig, BertForTokenClassification, TrainingArguments

from rl.errors import UserError
from rl.prm.chains import Chain, Labelled, join
from rl.prm.scores import encode, step_scores
from rl.prm.train import IGNORE, PrmTrainer, TrainSettings, collate, example, language_model_head, load, loss, train
from rl.tasks.chain import solve


@pytest.fixture(scope="session")
def policy(warm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy")
    for part in warm:
        part.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def chains(task):
    """Right chains whose steps are labelled by a rule that a model this small can learn: the result is even."""
    made = []
    for row in task.splits["train"]:
        completion = solve(row["prompt"])
        ends = [place + 2 for place, character in enumerate(completion) if character == "="]
        steps = tuple(Labelled(end - 5, end, float(int(completion[end - 1]) % 2 == 0)) for end in ends)
        made.append(Chain(row["prompt"], completion, steps))
    return made


def test_labels_lie_at_the_last_token_of_each_step(warm):
    _, tokenizer = warm
    chain = Chain("2+3+4?", "2+3=5;5+4=9#9", (Labelled(0, 5, 0.25), Labelled(6, 11, None)))
    row = example(tokenizer, chain, None)
    assert len(row["labels"]) == 6 + 13 and row["labels"][6 + 4] == 0.25
    assert sum(label != IGNORE for label in row["labels"]) == 1
    assert encode(tokenizer, chain, longest=12)[1] == [10, -1]


def test_losses_by_hand():
    labels = torch.tensor([[IGNORE, 0.25, 1.0]])
    one = SimpleNamespace(logits=torch.tensor([[[9.0], [0.0], [math.log(3)]]]))
    # at logit 0 both terms are log 2; sigmoid(log 3) = 3/4
    assert loss(one, labels).item() == pytest.approx((math.log(2) - math.log(0.75)) / 2)
    assert loss(one, labels, torch.tensor(4)).item() == pytest.approx((math.log(2) - math.log(0.75)) / 4)
    two = SimpleNamespace(logits=torch.tensor([[[9.0, 1.0], [0.0, 0.0], [0.0, math.log(3)]]]))
    assert loss(two, labels).item() == pytest.approx((math.log(2) - math.log(0.75)) / 2)


def test_text_is_learnt_up_to_the_first_step_that_is_not_right(warm):
    _, tokenizer = warm
    for labels, learnt in (
        ([1.0, 1.0], "2+3=5;5+4=9"), ([0.75, 0.5], "2+3=5"), ([0.0, 1.0], ""), ([1.0, None], "2+3=5")
    ):  # fmt: skip
        steps = (Labelled(0, 5, labels[0]), Labelled(6, 11, labels[1]))
        row = example(tokenizer, Chain("2+3+4?", "2+3=5;5+4=9#9", steps), None)
        wanted = [place for place, target in enumerate(row["targets"]) if target != IGNORE]
        assert wanted == list(range(6, 6 + len(learnt)))
        assert tokenizer.decode([row["targets"][place] for place in wanted]) == learnt


def test_the_language_model_loss_is_that_of_the_starting_model(policy, chains, tmp_path):
    """The weights before the first step are the policy's, so the loss must be the one that it has itself."""
    model, tokenizer = load(policy, labels=1)
    batch = collate([example(tokenizer, chain, None) for chain in chains[:8]], tokenizer)
    causal = AutoModelForCausalLM.from_pretrained(policy)
    arguments = TrainingArguments(output_dir=str(tmp_path), report_to=[], use_cpu=True)
    with torch.no_grad():
        expected = causal(batch["input_ids"], attention_mask=batch["attention_mask"], labels=batch["targets"]).loss
        losses = [
            PrmTrainer(
                lm_weight=weight, lm_head=causal.get_output_embeddings().weight if weight else None,
                model=model, args=arguments, compute_loss_func=loss,
            ).compute_loss(model.eval(), dict(batch))
            for weight in (0.0, 0.5)
        ]  # fmt: skip
    assert (losses[1] - losses[0]).item() == pytest.approx(0.5 * expected.item(), rel=1e-5)


def test_an_lm_weight_needs_a_causal_language_model(chains, tmp_path):
    folder = tmp_path / "encoder"
    config = BertConfig(vocab_size=40, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    BertForTokenClassification(config).save_pretrained(folder)
    with pytest.raises(UserError, match=r"--lm-weight.*encoder.*is no causal language model"):
        language_model_head(folder)


@pytest.mark.parametrize(
    ("head", "lora", "lm_weight"), [("one", None, 0.0), ("two", None, 0.5), ("one", 4, 0.0), ("one", 4, 0.5)]
)
def test_training_learns_and_saves_what_any_loader_reads(policy, chains, tmp_path, head, lora, lm_weight):
    settings = TrainSettings(
        head=head, lora=lora, lm_weight=lm_weight, epochs=20, batch=32, learning_rate=1e-2, validation=0.2
    )
    figures = train(policy, chains, tmp_path, settings, "verifier")
    assert figures["validation"]["all_steps_auc"] > 0.95
    model, tokenizer = load(tmp_path)
    assert model.config.num_labels == (1 if head == "one" else 2)
    scores = step_scores(model, tokenizer, chains[:3])
    assert [len(s) for s in scores] == [len(c.steps) for c in chains[:3]]
    assert json.loads((tmp_path / "prm.json").read_text())["labels_by"] == "verifier"


def test_scores_do_not_depend_on_the_batch(policy, chains):
    model, tokenizer = load(policy, labels=1)
    together = step_scores(model, tokenizer, chains[:8], batch=8)
    alone = step_scores(model, tokenizer, chains[:8], batch=1)
    assert [s for row in together for s in row] == pytest.approx([s for row in alone for s in row], abs=1e-5)


def test_chains_without_labels_are_refused(policy, tmp_path):
    with pytest.raises(UserError, match="none of 1 chains"):
        train(policy, [join("q", ["a"], [None], "\n")], tmp_path, TrainSettings())
