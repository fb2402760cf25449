"""Tickets: listed, found, counted."""
