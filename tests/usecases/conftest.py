"""The fixtures of the use cases' tests: `boucle`, `database` and `install`, which houses.py makes and describes."""

from houses import boucle, database, install

__all__ = ["boucle", "database", "install"]
