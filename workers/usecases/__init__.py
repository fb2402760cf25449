"""One unit of work each: load, let the domain decide, write, commit."""
