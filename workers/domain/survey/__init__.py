"""Asking and being answered: when a question is due, what it becomes, what an answer changes."""
