"""DICOM in: scan headers, group and check series, read pixels, labels (SEG, RTSTRUCT)."""
