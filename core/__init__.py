"""LesionForge without a window: CT volumes, labels, projects, training, prediction and export.

Nothing in here imports Qt, VTK or matplotlib; ``gui`` shows what ``core`` returns.
"""
