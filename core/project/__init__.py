"""The folder a user owns: library, labels, splits, runs, models, caches."""
