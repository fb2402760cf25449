"""Statements about what leaves: claims, and the state of those who receive."""
