"""What a file is that is neither DICOM nor an image file, where its first bytes or name say so."""

from __future__ import annotations

from pathlib import Path

#: First bytes, what they are, and what to do. The order matters where one begins another.
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive", "Unpack it and import the folder."),
    (b"PK\x05\x06", "an empty ZIP archive", ""),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it and import the folder."),
    (b"Rar!\x1a\x07", "a RAR archive", "Unpack it and import the folder."),
    (b"\x1f\x8b", "a gzip file", "Unpack it, or give it the ending of its image format."),
    (b"BZh", "a bzip2 file", "Unpack it first."),
    (b"\xfd7zXZ\0", "an xz file", "Unpack it first."),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (MINC, perhaps)", "Convert it to NIfTI."),
    (b"CDF\x01", "a MINC or NetCDF file", "Convert it to NIfTI."),
    (b"\x89PNG", "a PNG picture", "Import the series it was made from."),
    (b"\xff\xd8\xff", "a JPEG picture", "Import the series it was made from."),
    (b"II*\0", "a TIFF picture", "Import the series it was made from."),
    (b"MM\0*", "a TIFF picture", "Import the series it was made from."),
    (b"GIF8", "a GIF picture", "Import the series it was made from."),
    (b"BM", "a bitmap picture", "Import the series it was made from."),
    (b"%PDF", "a PDF document", ""),
    (b"NRRD000", "an NRRD file", "Give it the ending .nrrd."),
    (b"ObjectType", "a MetaImage file", "Give it the ending .mha or .mhd."),
    (b"SQLite format 3", "an SQLite database", ""),
    (b"MZ", "a program", ""),
    (b"\x7fELF", "a program", ""),
)

_NIFTI = {b"n+1\0": "a NIfTI file", b"ni1\0": "the header of a NIfTI pair"}
_ENDINGS = {
    ".head": ("an AFNI header", "Convert it to NIfTI (3dAFNItoNIFTI)."),
    ".brik": ("the values of an AFNI image", "Convert it to NIfTI (3dAFNItoNIFTI)."),
    ".par": ("a Philips PAR header", "Export the series as DICOM."),
    ".rec": ("the values of a Philips PAR image", "Export the series as DICOM."),
    ".img": ("the values of an image without its header", "Put the .hdr file beside it."),
    ".raw": ("plain values without a header", "Put the .mhd or .nhdr file beside it."),
    ".zraw": ("plain values without a header", "Put the .mhd file beside it."),
}


def foreign(path: Path, head: bytes) -> tuple[str, str]:
    """What the file is, to end "it is …", and the remedy, for a file that begins with ``head``."""
    for magic, name, remedy in _MAGIC:
        if head.startswith(magic):
            return f"{name}, not DICOM", remedy
    if len(head) >= 348 and head[344:348] in _NIFTI:
        return f"{_NIFTI[head[344:348]]}, not DICOM", "Give it the ending .nii or .hdr."
    if path.suffix.lower() in _ENDINGS:
        name, remedy = _ENDINGS[path.suffix.lower()]
        return f"{name}, not DICOM", remedy
    return "neither DICOM nor a known image file", ""
