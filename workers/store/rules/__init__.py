"""Statements about the rules in use and what they decided; `usecases/rules` is the door to them."""
