"""Watching a run: worker, charts, gauges, gallery."""
