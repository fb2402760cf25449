"""The fixtures of the web tests: `site` and `open_site` of webparts.py, `wall` of placeparts.py; they describe them."""

import staffparts  # compiles each page once for all tests
from placeparts import wall
from webparts import open_site, site

__all__ = ["open_site", "site", "staffparts", "wall"]
