"""Mails over SMTP: a few kept connections, and what each answer of a server means for the mail it was given."""
