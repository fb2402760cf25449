"""Deciding by a table, and why it decided so."""
