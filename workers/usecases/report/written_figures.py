"""How the reports write their figures: instants as JSON has them, points and shares for a terminal."""

from datetime import UTC, datetime


def instant(at: datetime | None) -> str | None:
    """Return an instant in UTC as JSON has it."""
    return at.astimezone(UTC).isoformat() if at else None


def points(value: object) -> str:
    """Return points as the terminal shows them, with a sign; a dash for none."""
    return f"{value:+.0f}" if isinstance(value, int | float) else "-"


def percent(share: object) -> str:
    """Return a share in per cent as the terminal shows it; a dash for none."""
    return f"{100 * share:.0f} %" if isinstance(share, int | float) else "-"
