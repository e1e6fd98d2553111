"""Import, export, settings."""
