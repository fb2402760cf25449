"""The two tables in the form the core asks them: the journey plan and the follow-up table over one engine.

Pure: a compiled rule table goes in. What a row means is read once, when the table becomes live.
"""
