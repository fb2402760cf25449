"""Signing in, and the accounts of those who may."""
