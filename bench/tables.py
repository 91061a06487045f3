"""The tables of measured figures in the README and the docs, made from the rows in this folder.

    make tables      (python bench/tables.py [--check] [FILE.md …])

A table is in a text between two comments, and the text between them is replaced:

    <!-- table NAME -->
    <!-- end of table -->

The names are those in `TABLES`. With `--check` nothing is written: the exit code is 1 if a table does not agree with
the rows.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from diagnosed import diagnostics_table, faults_table, verdicts_table
from fault_table import of_faults
from feedback import feedback_table
from harness import ROOT, Row, Table, read
from steered import rewards_table

from rl.analysis.intervals import wilson
from rl.analysis.rl_star import enumerate_rounds, informed, theory_delta
from rl.config import load
from rl.config.layers import arms

BENCH = Path(__file__).parent
METRICS = {"greedy": "greedy", "chain": "chain", "mean_at_k": "mean@8", "pass_at_k": "pass@8", "maj_at_k": "maj@8"}
METHODS = {
    "sft": "SFT on right samples, one round",
    "star": "STaR, three rounds",
    "dpo_rounds": "DPO, three rounds",
    "orpo_rounds": "ORPO, three rounds",
    "trl_grpo": "TRL's GRPO, outcome alone",
    "grpo_outcome": "GRPO, outcome alone, our settings",
    "grpo_sum": "GRPO, step credit `sum`",
    "grpo_min": "GRPO, step credit `min`",
    "grpo_first_error": "GRPO, step credit `first_error`",
    "ppo_outcome": "PPO, outcome alone",
    "ppo_process": "PPO, step rewards",
}
WAYS = {
    "sft": "SFT on 2,000 worked solutions",
    "ppo": "PPO, 3,840 completions",
    "sft_then_ppo": "SFT, then PPO",
}
COMPARED = {
    "time_to_accuracy": "seconds to greedy accuracy 0.90 on validation, evaluations left out",
    "samples_to_accuracy": "completions to the same",
    "zero_signal_step": "forward and backward pass, 60% of the groups without signal",
    "mixed_length_step": "forward and backward pass, completions of 8 to 256 tokens",
    "shared_prefix_step": "forward and backward pass, 135 M parameters, 8 completions of 30 tokens for a prompt of 100",
    "ppo_step": "a draw of 128 and all steps on it: PPO, beside our own GRPO with step credit",
}
PHASES = ("sample", "judge", "critic values", "critic fit", "policy forward", "policy backward", "rest", "all")
REWARDS = {
    "self_feedback": "self_feedback, by the frozen policy",
    "self_feedback_of_policy": "self_feedback, by the policy in training",
}
"""How rewards are called in a table where it is not by their name."""
LABELLED_BY = ("continuations", "verifier")
NOTHING = "–"
PAPERS = {file.stem: file for file in sorted((ROOT / "configs" / "papers").glob("*.yaml")) if arms(file)}
"""The recipes: name → the config, which has arms."""


def quickstart(rows: Sequence[Row]) -> Table:
    """Accuracy before and after, time and memory, with one row per seed."""
    return Table(
        ["seed", *METRICS.values(), "seconds", "peak GiB"],
        [
            [str(r["seed"]), *(_change(r, metric) for metric in METRICS), f"{r['seconds']:.0f}", f"{r['peak_gib']:.2f}"]
            for r in rows
        ],
    )


def stages(rows: Sequence[Row]) -> Table:
    """What SFT, PPO and both make of the same warm starts: means over seeds, with the lowest and the highest seed."""
    metrics = ("greedy", "mean_at_k", "chain")
    lines = [["before", *(f"{statistics.mean(r[f'before.{metric}'] for r in rows):.3f}" for metric in metrics)]]
    for way, label in WAYS.items():
        after = {metric: [r[f"after.{metric}"] for r in rows if r["way"] == way] for metric in metrics}
        lines.append([label, *(f"{statistics.mean(v):.3f} ({min(v):.3f} to {max(v):.3f})" for v in after.values())])
    return Table(["way", "greedy", "sampled, mean of 8", "chain"], lines)


def learning(rows: Sequence[Row]) -> Table:
    """What each method makes of the same warm starts: means over seeds, with the lowest and the highest seed."""
    metrics = ("greedy", "mean_at_k", "chain")
    chosen = {"trl_grpo": best_rate(rows)}
    lines = [["before", *(f"{statistics.mean(r[f'before.{metric}'] for r in rows):.3f}" for metric in metrics)]]
    for method, label in METHODS.items():
        of_method = [r for r in rows if r["method"] == chosen.get(method, method)]
        cells = []
        for metric in metrics if of_method else ():
            after = [r[f"after.{metric}"] for r in of_method]
            cells.append(f"{statistics.mean(after):.3f} ({min(after):.3f} to {max(after):.3f})")
        lines += [[label, *cells]] if cells else []
    return Table(["method", "greedy", "sampled, mean of 8", "chain"], lines)


def of_recipe(name: str, rows: Sequence[Row]) -> Table:
    """The table of a recipe: that of rounds for those whose point is in them.

    Args:
        name: the recipe.
        rows: its rows.
    """
    return {"rl_star": rl_star, "star": loops, "sipf": loops}.get(name, papers)(rows)


def papers(rows: Sequence[Row]) -> Table:
    """The arms of a recipe: means over seeds, Wilson's interval over the problems of all seeds, and each seed."""
    if any("after.rectified" in row for row in rows):
        return _from_statements(rows)
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        before, after = ([row[f"{when}.greedy"] for row in own] for when in ("before", "after"))
        problems = sum(row["n"] for row in own)
        interval = wilson(round(sum(row["after.greedy"] * row["n"] for row in own)), problems)
        assert interval is not None
        lines.append(
            [
                arm,
                f"{statistics.mean(before):.3f}",
                f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]",
                ", ".join(f"{value:.3f}" for value in after),
                _mean(own, "after.mean_at_k"),
                _mean(own, "after.mean_length", ".1f"),
            ]
        )
    lines = lines or [["not measured yet", *[NOTHING] * 5]]
    return Table(["arm", "before", "after, greedy", "each seed", "after, sampled", "tokens"], lines)


def rl_star(rows: Sequence[Row]) -> Table:
    """The arms of RL-STaR round by round: the exact enumeration where it holds, and the mean over seeds of samples."""
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        config = load(PAPERS["rl_star"], arms(PAPERS["rl_star"])[arm])
        assert config.task.name == "zip"
        states, markov = 4**config.task.bits, config.policy.attention == "current_token"
        deltas = [theory_delta(delta, states) for delta in config.task.deltas]
        exact = enumerate_rounds(informed(deltas, states), len(own[0]["rounds.right"]))
        right = [statistics.mean(of) for of in zip(*(row["rounds.right"] for row in own), strict=True)]
        wrong = [statistics.mean(of) for of in zip(*(row["rounds.right_by_wrong_steps"] for row in own), strict=True)]
        lines.append(
            [
                arm,
                str(len(own)),
                _series([one.right for one in exact]) if markov and config.sampling.temperature == 1 else NOTHING,
                _series(right),
                _series([1 - share for share in wrong]),
            ]
        )
    lines = lines or [["not measured yet", *[NOTHING] * 4]]
    header = ["arm", "seeds", "expected, by round", "right answers, by round", "of these by right chains, by round"]
    return Table(header, lines)


def loops(rows: Sequence[Row]) -> Table:
    """The arms of a recipe in rounds: accuracy with Wilson's interval, and how much of it is by wrong steps."""
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        problems = sum(row["n"] for row in own)
        intervals = [
            wilson(round(sum(row[f"after.{name}"] * row["n"] for row in own)), problems) for name in ("greedy", "chain")
        ]
        cells = [f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]" for one in intervals if one is not None]
        by_wrong = statistics.mean(row["after.greedy"] - row["after.chain"] for row in own)
        before = f"{_mean(own, 'before.greedy')}, {_mean(own, 'before.chain')}"
        seeds = ", ".join(f"{row['after.chain']:.3f}" for row in own)
        lines.append([arm, before, *cells, seeds, f"{by_wrong:.3f}"])
    lines = lines or [["not measured yet", *[NOTHING] * 5]]
    header = [
        "arm",
        "before: greedy, chain",
        "after, greedy",
        "after, chain",
        "chain, each seed",
        "right by wrong steps",
    ]
    return Table(header, lines)


def _series(values: Sequence[float]) -> str:
    return " · ".join(f"{value:.3f}" for value in values)


def _from_statements(rows: Sequence[Row]) -> Table:
    """The arms of a recipe whose problems are answered from statements: Wilson's interval, and means over seeds."""
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        own = [row for row in rows if row["arm"] == arm]
        seeds = [row["after.with_statement"] for row in own]
        right = round(sum(row["after.with_statement"] * row["n"] for row in own))
        interval = wilson(right, sum(row["n"] for row in own))
        assert interval is not None
        lines.append(
            [
                arm,
                f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]",
                ", ".join(f"{value:.3f}" for value in seeds),
                *(
                    f"{_mean(own, f'before.{name}', form)} → {_mean(own, f'after.{name}', form)}"
                    for name, form in (
                        ("with_statement", ".3f"),
                        ("without_statement", ".3f"),
                        ("rectified", "+.3f"),
                        ("margin_without", "+.2f"),
                    )
                ),
                _mean(own, "after.with_best_statement"),
            ]
        )
    measured = ["with", "without", "with minus without", "margin without, nats", "several and none"]
    return Table(["arm", "after, with its statement", "each seed", *measured], lines)


def _mean(rows: Sequence[Row], name: str, form: str = ".3f") -> str:
    values = [row[name] for row in rows if name in row]
    return format(statistics.mean(values), form) if values else NOTHING


def at_a_glance(rows: Sequence[Row]) -> Table:
    """The most important rows of the learning table: TRL's GRPO, and our methods with process rewards."""
    whole = learning(rows)
    wanted = {
        "before",
        *(METHODS[method] for method in ("star", "dpo_rounds", "trl_grpo", "grpo_first_error", "ppo_process")),
    }
    return Table(whole.header, [line for line in whole.rows if line[0] in wanted])


def best_rate(rows: Sequence[Row]) -> str:
    """TRL's GRPO at the learning rate with the highest sampled accuracy on validation at the end, over all seeds."""
    ends: dict[str, list[float]] = {"": [-1.0]}
    for row in rows:
        if row["method"].startswith("trl_grpo"):
            ends.setdefault(row["method"], []).append(row["curve.mean_at_k"][-1])
    return max(ends, key=lambda method: statistics.mean(ends[method]))


def beside_trl(rows: Sequence[Row]) -> Table:
    """Our figure, the peer's, and the ratio of the peer's to ours."""

    def figure(row: Row, who: str) -> str:
        if row["unit"] == "completions":
            return f"{row[who]:.0f}"
        return f"{row[who]:.1f} s" if row["unit"] == "s" else f"{row[who]:.3f} s"

    by_name = {row["name"]: row for row in rows}
    there = [(by_name[name], label) for name, label in COMPARED.items() if name in by_name]
    return Table(
        ["what", "ours", "peer", "ratio"],
        [[label, figure(row, "ours"), figure(row, "peer"), f"{row['ratio']:.2f}"] for row, label in there],
    )


def floor(rows: Sequence[Row]) -> Table:
    """Seconds of each phase of a draw, and how many times the floor that is."""

    def cell(row: Row, phase: str) -> str:
        if f"{phase}.seconds" not in row:
            return NOTHING
        seconds, times = f"{row[f'{phase}.seconds']:.3f} s", row.get(f"{phase}.times")
        return seconds if times is None else f"{seconds}, {times:g} times"

    return Table(
        ["phase of 128 completions", *(f"`{row['config']}.yaml`" for row in rows)],
        [[phase, *(cell(row, phase) for row in rows)] for phase in PHASES],
    )


def reward_alone(rows: Sequence[Row]) -> Table:
    """The results of PPO with a single reward."""
    header = ["PPO on", "its reward", "greedy", "chain", "a prompt's completions that differ"]
    lines = []
    for row in rows:
        reward, differ = (f"{row[f'{name}_first']:.2f} → {row[f'{name}_last']:.2f}" for name in ("reward", "distinct"))
        lines.append(
            [REWARDS.get(row["reward"], row["reward"]), reward, _change(row, "greedy"), _change(row, "chain"), differ]
        )
    return Table(header, lines)


def prm(rows: Sequence[Row]) -> Table:
    """Process reward models from labels to PPO, with one row per seed and one of medians."""
    columns = {
        "completer, greedy": ["completer.greedy"],
        "labels agree, AUC": ["labels.agree", "labels.auc"],
        **{
            f"PRM of {who}, step AUC, F1": [f"prm_of_{by}.step_auc", f"prm_of_{by}.processbench.f1"]
            for by, who in zip(LABELLED_BY, ("continuations", "the verifier"), strict=True)
        },
        "PPO with it, greedy": ["ppo_with_prm.greedy"],
        "PPO with the verifier": ["ppo_with_verifier.greedy"],
    }
    names = [name for cell in columns.values() for name in cell]
    medians = {"seed": "median", **{name: statistics.median(row[name] for row in rows) for name in names}}
    return Table(
        ["seed", *columns],
        [
            [str(row["seed"]), *(", ".join(f"{row[name]:.3f}" for name in cell) for cell in columns.values())]
            for row in [*rows, medians]
        ],
    )


def verifiers(math: Sequence[Row], steps: Sequence[Row], code: Sequence[Row]) -> Table:
    """The verifiers on real data."""
    m, s, c = ({row[key]: row for row in rows} for rows, key in ((math, "measure"), (steps, "data"), (code, "measure")))
    pairs, golds, solutions = m["answer equivalence"], m["GSM8K golds"], m["GSM8K model solutions"]
    errors, proofs = s["processbench_gsm8k"], s["prontoqa"]
    plain, mixed = m["speed, plain"]["ratio"], m["speed, mixed"]["ratio"]
    caught = [proofs[name] for name in proofs if name.endswith("_caught")]
    hostile = [row for name, row in c.items() if name.startswith("hostile: ")]

    def found(how: str) -> str:
        return f"precision {errors[f'{how}.precision']:.1%}, recall {errors[f'{how}.recall']:.1%}"

    def no(count: int) -> str:
        return f'{count or "no"} false "equal"'

    lines = {
        f"math: {pairs['rows']} gold and prediction pairs of nine graders' test suites": (
            f"{pairs['agreed']} as expected, {no(pairs['false_equal'])}"
        ),
        f"math: {m['unparsable golds']['golds']} golds that must not parse": (
            f"{m['unparsable golds']['abstained']} abstained"
        ),
        f"math: GSM8K's gold answers · correctness of {solutions['rows']:,} model solutions": (
            f"{golds['accepted']:,} of {golds['golds']:,} accepted · {solutions['agreed']:,} agree"
        ),
        "math: speed over math-verify, same rows, one process": (
            f"plain numbers {plain:.0f} times, mixed answers {mixed:.1f} times"
        ),
        "math: 100,000 plain numbers": f"{m['speed, 100,000 plain numbers']['seconds']:.1f} s",
        f"steps: GSM8K's {s['gsm8k']['marked_equations']:,} marked equations": (
            f"{s['gsm8k']['marked_true']:.2%} judged true"
        ),
        "steps: REFINER's gold programs · wrong variants": (
            f"{s['refiner']['gold_right']:.1%} right · {s['refiner']['wrong_caught']:.1%} caught"
        ),
        "steps: first wrong step of ProcessBench GSM8K, arithmetic alone": (
            f"{found('arithmetic')} (most marked errors are misreadings with true arithmetic)"
        ),
        "steps: the same, every number must be known": found("arithmetic_and_known"),
        f"logic: ProntoQA's {proofs['rows']:,} gold proofs · each with a step dropped, swapped, replaced": (
            f"{_share([proofs['gold_accepted']])} accepted step by step · {_share(caught)} caught"
        ),
        "code: short programs, two sandboxes": f"{c['short programs']['programs_per_s']:.0f} a second",
        f"code: {len(hostile)} hostile programs": (
            f"{_share([float(row['held']) for row in hostile])} held, the next program judged as usual"
        ),
    }
    return Table(["what", "measured"], [[what, measured] for what, measured in lines.items()])


def _share(shares: Sequence[float]) -> str:
    return "all" if min(shares) == 1 else f"at least {min(shares):.1%}"


def _change(row: Row, metric: str) -> str:
    before, after = (row.get(f"{when}.{metric}") for when in ("before", "after"))
    return NOTHING if before is None or after is None else f"{before:.3f} → {after:.3f}"


def rows_of(name: str, **where: str) -> list[Row]:
    """The rows of a file in this folder, or those of them that have a value in a column."""
    return [row for row in read(BENCH / f"{name}.json") if where.items() <= row.items()]


TABLES: dict[str, Callable[[], Table]] = {
    "quickstart": lambda: quickstart(rows_of("quickstart")),
    "learning": lambda: learning(rows_of("learning")),
    "at_a_glance": lambda: at_a_glance(rows_of("learning")),
    "beside_trl": lambda: beside_trl(rows_of("results")),
    "floor": lambda: floor(rows_of("floor")),
    "reward_alone_chain": lambda: reward_alone(rows_of("reward_alone", task="chain")),
    "reward_alone_facts": lambda: reward_alone(rows_of("reward_alone", task="facts")),
    **{f"paper_{name}": lambda name=name: of_recipe(name, rows_of("papers", recipe=name)) for name in PAPERS},
    "sipf_feedback": lambda: feedback_table(rows_of("papers", recipe="sipf")),
    "mario_rewards": lambda: rewards_table(rows_of("papers", recipe="mario")),
    "prm": lambda: prm(rows_of("prm")),
    "diagnostics": lambda: diagnostics_table(rows_of("diagnostics")),
    "diagnosed_faults": lambda: faults_table(rows_of("diagnosed_faults")),
    "faults": lambda: of_faults(rows_of("faults")),
    "preflight": lambda: verdicts_table(rows_of("preflight")),
    "verifiers": lambda: verifiers(*map(rows_of, ("verify_math", "verify_steps", "verify_code"))),
}
_PLACE = re.compile(r"(<!-- table (\w+) -->\n)(.*?)(<!-- end of table -->)", re.DOTALL)


def filled(text: str) -> str:
    """A text with its tables as the rows have them.

    Raises:
        KeyError: it names a table that is not in `TABLES`.
    """
    return _PLACE.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]().markdown()}\n\n{found[4]}", text)


def main() -> None:
    """Fill the texts, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=[ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a table does not agree")
    given = parser.parse_args()
    stale = []
    for file in given.files:
        text = file.read_text(encoding="utf-8")
        if (new := filled(text)) != text:
            stale.append(file.name)
            if not given.check:
                file.write_text(new, encoding="utf-8")
    if stale and given.check:
        sys.exit(f"tables in {', '.join(stale)} do not agree with the rows in bench/; run make tables")
    print(f"written: {', '.join(stale) or 'nothing, all tables agree'}")


if __name__ == "__main__":
    main()
