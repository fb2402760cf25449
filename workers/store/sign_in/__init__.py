"""Statements about who may sign in or send, and what they did."""
