"""The fixtures of the tests of the verbs, which verbs.py makes and describes."""

from verbs import boucle, templates_read_once

__all__ = ["boucle", "templates_read_once"]
