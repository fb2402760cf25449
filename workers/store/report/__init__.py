"""The SELECTs behind pages, report and books. Reads, apart from themes."""
