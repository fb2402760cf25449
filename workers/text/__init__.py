"""Texts whatever they say: plain, masked, as YAML, as a spreadsheet, as a mail address. Pure."""
