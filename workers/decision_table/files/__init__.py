"""A decision table as files: folders, workbooks, and the small files beside it."""
