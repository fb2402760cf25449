"""The interfaces for programs: events in, testimonials out, health, metrics."""
