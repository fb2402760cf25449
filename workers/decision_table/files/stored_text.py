"""A table as one text, stored with its decisions so that old ones stay explainable."""

import json

from workers.decision_table.files.reader import parse_texts
from workers.decision_table.model.table import DMN_FILE, Table, Unreadable


def from_content(content: str) -> Table:
    """Rebuild a table from `Table.content`. Raises Unreadable when the text is not one."""
    try:
        files = json.loads(content)
    except ValueError:
        files = None
    if not isinstance(files, dict) or not all(isinstance(text, str) for text in files.values()):
        raise Unreadable("The stored content is not a rule table.")
    if DMN_FILE in files:
        from workers.decision_table.dmn.reader import parse_dmn  # long to import, and few tables are DMN

        return parse_dmn(files[DMN_FILE].encode(), files.get("decision"))
    return parse_texts(files)
