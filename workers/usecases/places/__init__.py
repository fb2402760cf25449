"""Answers at places: taken, counted, and kept apart past a limit."""
