"""The Faust app and what guards it."""
