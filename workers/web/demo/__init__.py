"""What only a demo shows."""
