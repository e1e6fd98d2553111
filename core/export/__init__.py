"""Images and labels out of a project."""
