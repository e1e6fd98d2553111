"""DICOM without the patient: the basic profile of PS3.15 annex E, and nothing else kept unasked."""
