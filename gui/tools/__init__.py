"""Pointer tools, one class each."""
