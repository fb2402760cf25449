"""What is planned, asked and answered: the queue, waves, touchpoints, clicks, responses, testimonials."""
