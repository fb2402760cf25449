"""Carriers of SMS: a file for trials, Twilio, OVHcloud, Brevo and Vonage, each on its vendor's own contract.

None decides what is sent or when it is tried again, and none raises while it sends.
"""
