"""The demo: a lamp shop's year, generated from a seed and driven through the real parts at a stored business time."""

from workers.demo.run import Demo, DemoResult

__all__ = ["Demo", "DemoResult"]
