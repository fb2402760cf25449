"""Whether mail goes out, as a value: read from the settings and the controls, shown by status, explain and pages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SendingState:
    """Whether mail goes out now (`on`, `held`, `paused`), and which touchpoints the operator paused.

    `reason` is why not; beside `on` it says that the mail server takes none at the moment.
    """

    state: str = "on"
    reason: str = ""
    paused: frozenset[str] = frozenset()
    clock_leapt: bool = False

    @property
    def on(self) -> bool:
        """Whether mail goes out."""
        return self.state == "on"

    def pauses(self, step: str) -> bool:
        """Tell whether somebody paused a touchpoint, or all sending with it."""
        return self.state == "paused" or step in self.paused


ON = SendingState()
