import json
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    BertForTokenClassification,
    GPT2Config,
    GPT2ForTokenClassification,
    TrainingArguments,
)

from rewards.sample import Sample
from rl.errors import UserError
from rl.prm.labelled import label, labelled
from rl.prm.scores import encode, step_scores
from rl.prm.train import TrainSettings, _is_held_out, load, train
from rl.prm.trainer import IGNORE, PrmTrainer, collate, example, language_model_head, loss
from rl.tasks.chain import solve


@pytest.fixture(scope="session")
def policy(warm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy")
    for part in warm:
        part.save_pretrained(folder)
    return folder


def sample(prompt, text, *labels, id=None):
    return Sample({"prompt": prompt, "id": id}, text, [], "stop", labels=tuple(label(*one) for one in labels))


@pytest.fixture(scope="session")
def samples(task):
    """Right completions whose steps are labelled by a rule that a model this small can learn: the result is even."""
    made = []
    for row in task.splits["train"]:
        completion = solve(row["prompt"])
        ends = [place + 2 for place, character in enumerate(completion) if character == "="]
        steps = [(end - 5, end, float(int(completion[end - 1]) % 2 == 0)) for end in ends]
        made.append(sample(row["prompt"], completion, *steps))
    return made


def test_labels_lie_at_the_last_token_of_each_step(warm):
    _, tokenizer = warm
    one = sample("2+3+4?", "2+3=5;5+4=9#9", (0, 5, 0.25), (6, 11, None))
    row = example(tokenizer, one, None)
    assert len(row["labels"]) == 6 + 13 and row["labels"][6 + 4] == 0.25
    assert sum(label != IGNORE for label in row["labels"]) == 1
    assert encode(tokenizer, one, longest=12)[1] == [10, -1]


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
        one = sample("2+3+4?", "2+3=5;5+4=9#9", (0, 5, labels[0]), (6, 11, labels[1]))
        row = example(tokenizer, one, None)
        wanted = [place for place, target in enumerate(row["targets"]) if target != IGNORE]
        assert wanted == list(range(6, 6 + len(learnt)))
        assert tokenizer.decode([row["targets"][place] for place in wanted]) == learnt


def test_the_language_model_loss_is_that_of_the_starting_model(policy, samples, tmp_path):
    """The weights before the first step are the policy's, so the loss must be the one that it has itself."""
    model, tokenizer = load(policy, labels=1)
    batch = collate([example(tokenizer, one, None) for one in samples[:8]], tokenizer)
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


def test_an_lm_weight_needs_a_causal_language_model(samples, tmp_path):
    folder = tmp_path / "encoder"
    config = BertConfig(vocab_size=40, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    BertForTokenClassification(config).save_pretrained(folder)
    with pytest.raises(UserError, match=r"--lm-weight.*encoder.*is not a causal language model"):
        language_model_head(folder)


@pytest.mark.parametrize(
    ("head", "lora", "lm_weight"), [("one", None, 0.0), ("two", None, 0.5), ("one", 4, 0.0), ("one", 4, 0.5)]
)
def test_training_learns_and_saves_what_any_loader_reads(policy, samples, tmp_path, head, lora, lm_weight):
    settings = TrainSettings(
        head=head, lora=lora, lm_weight=lm_weight, epochs=20, batch=32, learning_rate=1e-2, validation=0.2
    )
    figures = train(policy, samples, tmp_path, settings, "verifier")
    assert figures["validation"]["all_steps_auc"] > 0.95
    model, tokenizer = load(tmp_path)
    assert model.config.num_labels == (1 if head == "one" else 2)
    scores = step_scores(model, tokenizer, samples[:3])
    assert [len(s) for s in scores] == [len(one.labels) for one in samples[:3]]
    assert json.loads((tmp_path / "prm.json").read_text())["labels_by"] == "verifier"


def test_scores_do_not_depend_on_the_batch(policy, samples):
    model, tokenizer = load(policy, labels=1)
    together = step_scores(model, tokenizer, samples[:8], batch=8)
    alone = step_scores(model, tokenizer, samples[:8], batch=1)
    assert [s for row in together for s in row] == pytest.approx([s for row in alone for s in row], abs=1e-5)


def test_completions_without_labels_are_refused(policy, tmp_path):
    with pytest.raises(UserError, match="none of 1 completions"):
        train(policy, [labelled("q", ["a"], [None], "\n")], tmp_path, TrainSettings())


@pytest.fixture
def short(warm, tmp_path):
    """A folder with a token-classification model that has learnt 14 positions."""
    config = GPT2Config(vocab_size=20, n_positions=14, n_embd=8, n_layer=1, n_head=2, num_labels=1)
    GPT2ForTokenClassification(config).save_pretrained(tmp_path / "short")
    warm[1].save_pretrained(tmp_path / "short")
    return tmp_path / "short"


FITS = sample("1+1?", "1+1=2#2", (0, 5, 1.0), id="fits")
LONG = sample("2+3+4?", "2+3=5;5+4=9#9", (0, 5, 1.0), (6, 11, 0.0), id="long")


def test_a_completion_past_the_learnt_positions_is_refused_where_its_steps_are_scored(short):
    model, tokenizer = load(short)
    assert len(step_scores(model, tokenizer, [FITS])[0]) == 1
    with pytest.raises(
        UserError, match="completions: 'long' has 19 tokens, and the model has learnt 14 positions; leave"
    ):
        step_scores(model, tokenizer, [FITS, LONG])


def test_training_cuts_completions_at_the_learnt_positions_and_leaves_them_out_of_validation(short, tmp_path):
    settings = TrainSettings(epochs=1, batch=2, max_length=None, validation=0.5)
    samples = [replace(one, row={**one.row, "prompt": f"{i}{one.prompt}"}) for i in range(10) for one in (FITS, LONG)]
    figures = train(short, samples, tmp_path / "out", settings)
    held = [one for one in samples if _is_held_out(one, 0.5)]
    kept = [one for one in samples if one not in held]
    assert {one.row["id"] for one in held} == {"fits", "long"} == {one.row["id"] for one in kept}
    assert figures["validation"]["processbench"]["n_right"] == sum(one.row["id"] == "fits" for one in held)
    assert figures["cut_off"] == sum(one.row["id"] == "long" for one in kept)
    assert math.isfinite(figures["train_loss"])


def test_a_model_whose_head_was_never_trained_is_not_evaluated(policy):
    with pytest.raises(UserError, match=r"model: .*has no weights for score.*a head for tokens"):
        load(policy)


def test_a_process_reward_model_may_be_an_adapter(policy, warm, tmp_path):
    model, tokenizer = load(policy, labels=1)
    adapters = LoraConfig(target_modules=["q_proj"], modules_to_save=["score"], task_type="TOKEN_CLS")
    adapted = get_peft_model(model, adapters)
    for weight in adapted.parameters():
        if weight.requires_grad:
            torch.nn.init.normal_(weight)
    adapted.save_pretrained(tmp_path / "adapter")
    expected = step_scores(adapted.merge_and_unload(), tokenizer, [FITS, LONG])
    again, tokenizer = load(tmp_path / "adapter")
    for ours, theirs in zip(step_scores(again, tokenizer, [FITS, LONG]), expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)


def test_equal_labels_are_refused_for_they_tell_nothing_apart(policy, tmp_path):
    with pytest.raises(UserError, match="labels: every label to train on is 1, so there is nothing to tell apart"):
        train(policy, [FITS, FITS], tmp_path / "out", TrainSettings(validation=0.0))


def test_a_limit_that_cuts_every_step_is_refused(policy, tmp_path):
    with pytest.raises(UserError, match="--max-length: none of 3 labelled steps ends within 6 tokens"):
        train(policy, [FITS, LONG], tmp_path / "out", TrainSettings(validation=0.0, max_length=6))


def test_holding_every_problem_out_is_refused(policy, tmp_path):
    held = next(one for i in range(100) if _is_held_out(one := replace(LONG, row={"prompt": f"{i}{LONG.prompt}"}), 0.9))
    with pytest.raises(UserError, match="--validation: all 1 completions are held out"):
        train(policy, [held], tmp_path / "out", TrainSettings(validation=0.9))


def test_a_training_that_breaks_saves_nothing(policy, tmp_path):
    settings = TrainSettings(validation=0.0, learning_rate=1e30, epochs=3)
    with pytest.raises(UserError, match="--learning-rate: the loss or the weights became NaN or infinite"):
        train(policy, [FITS, LONG], tmp_path / "out", settings)
    assert not (tmp_path / "out" / "prm.json").exists()


def scoring(warm, labels=1, id2label=None, seed=0):
    torch.manual_seed(seed)
    config = GPT2Config(vocab_size=20, n_positions=32, n_embd=8, n_layer=1, n_head=2, num_labels=labels)
    model = GPT2ForTokenClassification(config)
    if id2label:
        model.config.id2label = id2label
    return model, warm[1]


@pytest.mark.parametrize(
    ("names", "right"),
    [
        ({0: "LABEL_0", 1: "LABEL_1"}, 1),
        ({0: "wrong", 1: "right"}, 1),
        ({0: "good", 1: "bad"}, 0),
        ({0: "Correct", 1: "Incorrect"}, 0),
        ({0: "x", 1: "negative"}, 0),
        ({0: "+", 1: "-"}, 0),
        ({0: "False", 1: "True"}, 1),
    ],
    ids=str,
)
def test_the_class_whose_name_means_right_is_read(warm, names, right):
    model, tokenizer = scoring(warm, 2, names)
    ids, places, _ = encode(tokenizer, LONG)
    with torch.no_grad():
        expected = model.eval()(torch.tensor([ids])).logits[0, places].softmax(-1)[:, right]
    (scores,) = step_scores(model, tokenizer, [LONG])
    assert scores == pytest.approx(expected.tolist(), abs=1e-6)


def test_a_model_of_three_labels_is_refused(warm):
    with pytest.raises(UserError, match="model: has 3 labels; a process reward model has one or two"):
        step_scores(*scoring(warm, 3), [LONG])


def test_a_model_that_gives_nan_is_refused_with_the_completion(warm):
    model, tokenizer = scoring(warm)
    with torch.no_grad():
        model.classifier.weight.fill_(math.nan)
    with pytest.raises(UserError, match=r"model: the model gave NaN for 'long'; its weights are broken"):
        step_scores(model, tokenizer, [LONG])


def test_a_marker_is_put_after_each_step_and_read_there(warm):
    model, tokenizer = scoring(warm)
    text = "2+3=5#;5+4=9#"  # a marker after each step; what follows the last is beyond what is asked
    ids = tokenizer(LONG.prompt + text, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = model.eval()(torch.tensor([ids])).logits[0, :, 0].sigmoid()
    expected = [logits[len(LONG.prompt) + place].item() for place in (5, 12)]
    (scores,) = step_scores(model, tokenizer, [LONG], marker="#")
    assert scores == pytest.approx(expected, abs=1e-6)


def test_a_completion_whose_labelled_steps_are_all_cut_off_takes_no_part(policy, samples, tmp_path):
    short = [sample("2+3?", "2+3=5#5", (0, 5, 1.0)), sample("2+4?", "2+4=7#7", (0, 5, 0.0))]
    long = sample("2+3+4+5+6?", "2+3=5;5+4=9#9", (0, 5, None), (6, 11, 1.0))
    settings = TrainSettings(batch=1, epochs=2, max_length=14, validation=0.0, learning_rate=1e-3)
    figures = train(policy, [*short, long], tmp_path, settings)
    assert (figures["completions"], figures["cut_off"], figures["steps"]) == (2, 1, 4)
    assert math.isfinite(figures["train_loss"])
