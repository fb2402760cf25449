"""The pages of the rule tables."""
