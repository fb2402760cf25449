"""Write NOTICE: every library that runs with Boucle, with its version and licence, as the installed packages say.

Run by `make lock`. A licence is taken from the package's licence expression, its classifiers, or its licence field.
"""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST_NAME = 60
"""A longer licence field is the licence's text, not its name."""
HEAD = """Boucle
Licensed under the Apache License, Version 2.0 (see LICENSE).

Boucle runs with the libraries below. They are not part of this repository: each is installed from its own package,
which holds its licence's text and its copyright notices. `make lock` writes this list.

"""


def licence(package: Distribution) -> str:
    """Return the name of a package's licence."""
    about = package.metadata
    if about.get("License-Expression"):
        return about["License-Expression"]
    classifiers = [
        text.rpartition(" :: ")[2] for text in about.get_all("Classifier") or () if text.startswith("License")
    ]
    named = [text for text in classifiers if text != "OSI Approved"]
    if named:
        return ", ".join(named)
    field = (about.get("License") or "").strip()
    return field if field and len(field) <= LONGEST_NAME and "\n" not in field else "see the package"


def main() -> None:
    """Write NOTICE from the lock of what runs."""
    locked = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    lines = []
    for name, version in locked:
        try:
            lines.append(f"{name} {version}: {licence(distribution(name))}")
        except PackageNotFoundError:
            lines.append(f"{name} {version}: only installed on other systems; see the package")
    (ROOT / "NOTICE").write_text(HEAD + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
