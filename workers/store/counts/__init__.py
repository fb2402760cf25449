"""What every sum is made of: counts of rows by state, kept as they change, and fingerprints of whole tables."""
