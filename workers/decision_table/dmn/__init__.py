"""A decision table as DMN XML, in and out."""
