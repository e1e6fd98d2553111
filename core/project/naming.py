"""What names tell: which file is a mask, whose it is, and which class a structure belongs to."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from core.images import image_stem
from core.labels.schema import LabelClass, LabelSchema

_MASK = re.compile(
    r"(mask|seg|segs|label|labels|labelmap|segmentation|segmentations|annotation|contour|roi|gt|"
    r"groundtruth|truth|gtv\w*|tumou?rs?|lesions?)s?\Z"
)
#: Folders of nnU-Net (labelsTr) and of others that sort images and masks apart.
_MASK_FOLDER = re.compile(r"(labels?|masks?|segs?|segmentations?)(tr|ts|va|val|train|test)?\Z")
_IMAGE = re.compile(r"(image|images|img|ct|scan|volume|vol|hu|0000|series)\Z")

_TUMOUR = re.compile(
    r"(gtv[a-z]*|tumou?rs?|lesions?|mass|masses|metastas[ei]s|mets?|neoplasm|cancer|carcinoma|"
    r"sarcoma|nodules?)\Z"
)
#: Margins round a tumour and parts of it are not the tumour.
_NOT_TUMOUR = re.compile(r"(ptv[a-z]*|ctv[a-z]*|itv[a-z]*|necro\w*|edema|oedema|no|non)\Z")

#: Structures common in file names of single-organ masks (TotalSegmentator and the like).
_STRUCTURES = frozenset(
    (
        *("adrenal", "aorta", "bladder", "bone", "bones", "bowel", "brain", "colon", "duodenum"),
        *("esophagus", "gallbladder", "gland", "heart", "hip", "humerus", "kidney", "kidneys"),
        *("femur", "liver", "lung", "lungs", "lobe", "lower", "upper", "middle", "left", "right"),
        *("muscle", "necrosis", "node", "nodes", "organ", "pancreas", "prostate", "rib", "ribs"),
        *("sacrum", "scapula", "skin", "spine", "spleen", "stomach", "thyroid", "trachea"),
        *("uterus", "vein", "vena", "cava", "vertebra", "vertebrae", "vessel", "vessels"),
    )
)


def words(text: str) -> list[str]:
    """Lower-case words of a name in any script: ``GTV_Mass-CT1`` gives gtv, mass, ct1."""
    return [piece.lower() for between, piece in _pieces(text) if not between]


def _pieces(text: str) -> list[tuple[bool, str]]:
    """The text cut into words and what stands between them (True): punctuation, symbols, blanks.

    By Unicode's categories, after composition: macOS hands out names with accents of their own.
    """
    composed = unicodedata.normalize("NFC", text)
    groups = groupby(composed, lambda c: unicodedata.category(c)[0] in "PSZ" or c < " ")
    return [(between, "".join(characters)) for between, characters in groups]


def says_mask(path: Path) -> bool:
    """Whether the name of the file or of its folder says that it is a mask."""
    if any(_MASK.fullmatch(w) for w in words(image_stem(path))):
        return True
    return bool(_MASK_FOLDER.fullmatch(path.parent.name.lower()))


def says_image(path: Path) -> bool:
    """Whether the name says that it is an image."""
    return any(_IMAGE.fullmatch(w) for w in words(image_stem(path)))


def case_name(path: Path) -> str:
    """What is left of a file name without the words for image, mask and structure.

    ``STS_002_image`` and ``STS_002_mask`` both give STS_002; a file called just ``ct`` is named by
    its folder.
    """
    pieces = _pieces(_told_apart(image_stem(path)))
    kept = "".join(part for between, part in pieces if between or not _is_role(part.lower()))
    # Where a word is gone, one of the signs beside it is enough.
    joined = "".join(part[:1] if between else part for between, part in _pieces(kept))
    return joined.strip("_-. ") or _told_apart(path.parent.name)


def _told_apart(name: str) -> str:
    """A name on Linux is bytes; those that are no text are written as ``=E4``, else two patients
    could become one.
    """
    return re.sub("[\udc80-\udcff]", lambda found: f"={ord(found[0]) - 0xDC00:02X}", name)


def structure_name(path: Path) -> str:
    """The structure a mask's file name speaks of, like Liver or Kidney left; empty if none."""
    found = [w for w in words(image_stem(path)) if w in _STRUCTURES]
    return " ".join(found).capitalize()


def is_tumour(name: str) -> bool:
    """Whether a structure's name means the tumour itself."""
    parts = words(re.sub(r"(?<=[a-zA-Z])(?=\d)", " ", name))
    if any(_NOT_TUMOUR.fullmatch(p) for p in parts):
        return False
    return any(_TUMOUR.fullmatch(p) for p in parts)


def class_name(name: str, schema: LabelSchema) -> str:
    """The class a structure is filed under: its own name where there is such a class, "Tumour" for
    every way to write tumour, else its own name, made fit for a class.
    """
    clean = " ".join("".join(c if c.isprintable() else " " for c in name).split())[:64].strip()
    found: LabelClass | None = schema.by_name(clean)
    if found is not None:
        return found.name
    if is_tumour(clean):
        return "Tumour"
    return clean or "Unnamed"


def value_names(path: Path, values: Sequence[int], schema: LabelSchema) -> dict[int, str]:
    """Names for the ``values`` of a mask that carries none.

    From the ``dataset.json`` beside an nnU-Net folder; else, for a mask of one structure, from its
    file name, and Tumour when that names none; else from the project's classes when the user made
    them; else "Label N", since a guess would be a wrong name shown as right.
    """
    listed = _dataset_names(path)
    own = {} if schema == LabelSchema.default() else {c.value: c.name for c in schema.classes}
    known = all(v in own and not own[v].startswith("Label ") for v in values)
    names: dict[int, str] = {}
    for value in values:
        if value in listed:
            names[value] = listed[value]
        elif len(values) == 1 and (value == 1 or structure_name(path)):
            names[value] = structure_name(path) or "Tumour"
        else:
            names[value] = own[value] if known else f"Label {value}"
    return names


def _dataset_names(path: Path) -> dict[int, str]:
    """Label names by value of an nnU-Net or Decathlon dataset; empty where there is none."""
    listing = path.parent.parent / "dataset.json"
    try:
        labels = json.loads(listing.read_text(encoding="utf-8"))["labels"]
        pairs = [(str(k), v) for k, v in labels.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    names: dict[int, str] = {}
    for key, value in pairs:
        if key.isdigit() and isinstance(value, str):  # Decathlon: {"1": "liver"}
            names[int(key)] = value
        elif isinstance(value, int):  # nnU-Net: {"liver": 1}
            names[value] = key
    return names


def _is_role(word: str) -> bool:
    return bool(_MASK.fullmatch(word) or _IMAGE.fullmatch(word)) or word in _STRUCTURES
