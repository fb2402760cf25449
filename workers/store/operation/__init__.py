"""What keeps an installation going: its schema, its clock, its leases, and rows whose time is over."""
