"""Slices, overlays, 3D and plots."""
