"""Verbs for trying Boucle out: the demo, its clock, real parts on this machine."""
