"""Runs in a child process: what the child does, and how to start and watch it."""
