"""Statements about one person: what they were asked, merging, forgetting."""
