"""Whetstone's verifiers: deterministic judges of text against a reference. Imports without torch.

A verifier is one function in one file::

    def verify(prediction: str, gold: str, *, a_field_of_the_row, an_option=default) -> Verdict

`prediction` is the completion's text, `gold` the reference. Keyword-only parameters without a default are columns
that the row must have (`choices`, `prompt`); those with a default are options from the config, and a row's column of
that name wins over the option (but for those that only a config may set, such as `allow_unsandboxed`).

To add one: write the file, and name it in `VERIFIERS`.
"""

from verifiers.verdict import Status, Step, Verdict, abstained, failed, is_right, judged

VERIFIERS = {
    "addition": "verifiers.addition",
    "boolean": "verifiers.boolean",
    "chain": "verifiers.chain",
    "choice": "verifiers.choice",
    "code": "verifiers.code",
    "countdown": "verifiers.countdown",
    "equation_system": "verifiers.equation_system",
    "exact": "verifiers.exact",
    "facts": "verifiers.facts",
    "format": "verifiers.format",
    "game24": "verifiers.game24",
    "logic": "verifiers.logic",
    "math": "verifiers.math",
    "numeric": "verifiers.numeric",
    "reasoning_gym": "verifiers.reasoning_gym",
    "steps": "verifiers.steps",
    "zip": "verifiers.zip",
}
"""Name in a config → the module whose `verify` judges."""

__all__ = ["VERIFIERS", "Status", "Step", "Verdict", "abstained", "failed", "is_right", "judged"]
