"""What was asked and answered: clicks, responses, testimonials."""
