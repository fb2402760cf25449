"""What is kept of a person, for how long, and given out or erased on demand."""
