"""Refuses secrets in a config, which is copied to the run folder, to trackers, and to the card of an exported model.

A secret belongs in an environment variable, which a config names (`key: OPENAI_API_KEY`). It is recognised by the name
of its key, by the form that common services give their tokens, or as the value of an environment variable that is
called a key, a token, a secret or a password. The messages do not show it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rl.config.wrong_key import WrongKey

_NAMES = re.compile(
    r"(^|[_-])(api[_-]?key|(access|auth|hub|hf|bearer|refresh)[_-]?token|secret([_-]?key)?|private[_-]?key|passw(or)?d"
    r"|authorization|credentials?)$",
    re.IGNORECASE,
)
"""Names of keys whose values are secrets."""
_FORMS = re.compile(
    r"\b(sk-[\w-]{20,}|hf_[A-Za-z0-9]{20,}|gh[a-z]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|AKIA[A-Z0-9]{16}"
    r"|xox[a-z]-[\w-]{10,})|\bBearer\s+[\w.~+/-]{8,}|\b[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@"
)
"""Tokens of OpenAI and others, Hugging Face, GitHub, GitLab, AWS and Slack; a header; an address with a password."""
_VARIABLES = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$")
"""Names of environment variables whose values are secrets."""
_LONG = 16
"""Least number of characters of a variable's value that is looked for, so that words are not taken for secrets."""


def refuse_secrets(values: Mapping[str, Any]) -> None:
    """Refuse a config that contains a secret.

    Args:
        values: the merged values of a config, with interpolations resolved.

    Raises:
        WrongKey: one of the values is a secret.
    """
    kept = {
        value: name
        for name, value in os.environ.items()
        if _VARIABLES.search(name) and len(value) >= _LONG and not os.path.exists(value)
    }
    for key, value in _leaves(values):
        text = str(value)
        variable = next((name for secret, name in kept.items() if secret in text), None)
        if variable is not None:
            why = f"contains the value of the environment variable {variable}"
        elif _FORMS.search(text):
            why = "looks like a secret"
        elif _NAMES.search(key.rpartition(".")[2]) and text and not isinstance(value, bool | None):
            why = "is a secret by its name"
        else:
            continue
        raise WrongKey(
            key,
            f"{why}, and a config is copied to the run folder, to trackers and to model cards; keep it in an "
            f"environment variable, which `key: VARIABLE` names for a judge or an endpoint, and a function of yours "
            f"can read",
        )


def _leaves(values: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Each value that is no mapping and no list, with its key."""
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield from _leaves(value, f"{key}.{name}".strip("."))
    elif isinstance(values, list):
        for value in values:
            yield from _leaves(value, key)
    else:
        yield key, values
