"""What every page and interface shares: the request, its limits, the answer's headers and layout."""
