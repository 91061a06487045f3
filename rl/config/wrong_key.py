"""The error of a config whose keys do not go together."""


class WrongKey(Exception):
    """A key of the config, and what is wrong with it."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(key, what)
        self.key, self.what = key, what
