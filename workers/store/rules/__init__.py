"""Statements about the rules in use, what they decided, and waves."""
