"""The mails: their words, their bytes, their links, and what those say that come back."""
