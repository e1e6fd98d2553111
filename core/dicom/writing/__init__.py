"""Labels as DICOM: SEG and RTSTRUCT that refer to the images they were drawn on."""
