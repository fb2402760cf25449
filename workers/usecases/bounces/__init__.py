"""Mails that come back: collected from where they arrive, and what follows from each."""
