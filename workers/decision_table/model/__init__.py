"""A decision table as plain values: its columns, cells, rules, and their finite form."""
