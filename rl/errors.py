"""The one error that means: the user's input is wrong. The command line prints it as one line and exits 2."""


class UserError(Exception):
    """Wrong input, found before work started.

    Args:
        where: the file, `file:line`, or the part of the command line that is wrong; None where `what` says it.
        what: what is wrong with it, the key first where there is one, and the fix.
    """

    def __init__(self, where: str | None, what: str) -> None:
        super().__init__(what if where is None else f"{where}: {what}")
        self.where, self.what = where, what
