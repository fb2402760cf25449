"""The most memory that this process held since it became itself. Holds no test.

What `getrusage` tells of a child begins with its parent's peak on Linux: a suite that holds a gigabyte would charge its
children with it, or hide what they take below it.
"""

import resource
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_megabytes() -> float:
    """Return the peak in megabytes of 1,000,000 bytes; where the system has no /proc, with the parent's in it."""
    if not STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000
    lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1.024 / 1_000
