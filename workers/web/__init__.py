"""The web role: events in by HTTP, the pages behind the links in mails, and what operators watch.

An adapter: it reads requests, calls the use cases and writes answers. It decides nothing about customers.
"""
