"""The most memory that this process held since it became itself. Holds no test.

What `getrusage` tells of a child begins with its parent's peak on Linux: a suite that holds a gigabyte would charge its
children with it, or hide what they take below it.
"""

import resource
from pathlib import Path


def peak_of(process: int | str) -> float | None:
    """Return the peak of a process by its id in megabytes of 1,000,000 bytes; None where the system has no /proc."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return None
    lines = status.read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1.024 / 1_000


def peak_megabytes() -> float:
    """Return the peak of this process; where the system has no /proc, with its parent's in it."""
    ours = peak_of("self")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000 if ours is None else ours
