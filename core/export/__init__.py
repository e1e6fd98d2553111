"""Images and labels out of a project."""

from core.export.images import export_image, export_label

__all__ = ["export_image", "export_label"]
