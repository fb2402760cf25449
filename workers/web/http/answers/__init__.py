"""What goes back: pages with their layout and assets, the banner of a demo, and what went wrong."""
