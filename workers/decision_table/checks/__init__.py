"""What is wrong with a table as a whole: gaps, overlaps, names, gates."""
