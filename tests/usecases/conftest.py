"""The fixtures of the use cases' tests: `boucle` and `install`, which houses.py makes and describes."""

from houses import boucle, install

__all__ = ["boucle", "install"]
