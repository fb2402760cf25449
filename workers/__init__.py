"""Boucle closes the loop on a Net Promoter Score."""
