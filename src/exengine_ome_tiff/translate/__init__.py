"""Translates metadata dialects into neutral values with units in their names."""
