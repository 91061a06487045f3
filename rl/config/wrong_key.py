"""The error for a config whose keys do not fit together."""


class WrongKey(Exception):
    """A key of the config is wrong; says which key, and what is wrong with it."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(key, what)
        self.key, self.what = key, what
