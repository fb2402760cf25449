"""The report: its figures and what stands behind each."""
