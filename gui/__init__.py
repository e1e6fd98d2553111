"""The window: shows what `core` returns."""
