"""Delivery: mails and webhooks are leased, prepared, handed over in lanes, and their ends recorded.

Exactly once is not possible over SMTP; what may have left twice is counted as a copy, with the same bytes.
"""
