"""What customers do on the sites of `rules/sites.yaml`."""
