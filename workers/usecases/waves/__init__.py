"""Waves: everybody is asked on a day of the operator's list, and told before how many that will be."""
