"""The tour of a demo over a site of the tests, so that its pages can be tried without a year of data."""

from datetime import timedelta

from webparts import Site

from workers.web.http.requests.tour import Story


class SiteTour:
    """A tour without a story; it moves the site's clock."""

    token = "the token"

    def __init__(self, site: Site) -> None:
        self.site = site

    def story(self) -> Story:
        """Tell nothing."""
        return Story(None, None)

    def advance(self, by: timedelta) -> None:
        """Move the clock and do what is due."""
        self.site.clock.at += by
        self.site.settle()
