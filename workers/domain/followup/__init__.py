"""What follows from an answer: the table's decision and its actions."""
