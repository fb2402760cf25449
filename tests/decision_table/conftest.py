"""Nothing but its place: the tests in the folders below find tableparts.py and random_tables.py beside it."""
