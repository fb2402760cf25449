"""What a demo reads: what its people react to, and the story that its data tells."""
