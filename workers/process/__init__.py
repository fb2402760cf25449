"""What every process of a role has: its signals, its watchdog, its rounds, what it finds away."""
