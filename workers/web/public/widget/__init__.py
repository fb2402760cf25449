"""The question on the company's own pages: the script that sites embed, and the doors that it asks at."""

from workers.web.public.widget.doors import routes

__all__ = ["routes"]
