"""The fixtures of the web tests: `site` and `open_site`, which webparts.py makes and describes."""

import staffparts  # compiles each page once for all tests
from webparts import open_site, site

__all__ = ["open_site", "site", "staffparts"]
