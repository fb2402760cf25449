"""The errors that Boucle raises itself: one class for each decision that a caller can take."""


class BoucleError(Exception):
    """Base of every error that Boucle raises itself."""


class BadInput(BoucleError):
    """What came in cannot be accepted: keep it as a dead letter and tell the sender why."""


class CodedFault(BadInput):
    """Bad input whose code a page says in its reader's language; the message is for the command line."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class NotFound(BadInput):
    """What was named is not here: a command ends with 1, not with 2 as for wrong use."""


class UnknownUser(NotFound, CodedFault):
    """Nobody of that name may sign in."""


class NotNow(BoucleError):
    """A part is away for the moment: wait and try again; nothing is lost."""


class Never(BoucleError):
    """Trying again cannot help: record it and tell a person."""


class Misconfigured(BoucleError):
    """Boucle cannot start like this: the message lists every fault and what to do about it."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class Conflict(BoucleError):
    """Somebody else changed it first: read again, then decide."""


class KeyTaken(Conflict):
    """The same key is there however often one looks again: nobody is in the way, and trying again cannot help."""
