"""Words of the library that several of its parts use: states, checks, remedies, counts."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QCoreApplication

from core.project.records import SeriesRecord
from core.volume import Check
from gui import i18n
from gui.importing import ImportState

_FORMATS = (
    (".nii.gz", "NIfTI"), (".nii", "NIfTI"), (".hdr", "NIfTI"), (".nrrd", "NRRD"),
    (".nhdr", "NRRD"), (".mha", "MetaImage"), (".mhd", "MetaImage"), (".mgh", "MGH"),
    (".mgz", "MGH"),
)  # fmt: skip


def tr(words: str, n: int = -1) -> str:
    """Translate in the context of the library."""
    return QCoreApplication.translate("Library", words, None, n)


def status_look(status: str) -> tuple[str, str, str | None]:
    """Words, tone and icon of a label status."""
    return {
        "none": (tr("No labels"), "outline", None),
        "draft": (tr("Draft"), "neutral", "ph.pencil-simple"),
        "proposed": (tr("Proposed"), "info", "ph.sparkle"),
        "reviewed": (tr("Reviewed"), "ok", "ph.check"),
    }[status]


def split_name(split: str) -> str:
    """Train, Val, Test or –."""
    names = {"none": "–", "train": tr("Train"), "val": tr("Val"), "test": tr("Test")}
    return names[split]


def check_words(code: str) -> str:
    """A check in two words: "missing-slice" as "Missing slice"."""
    return _check_words(code, i18n.current_language())


@lru_cache(maxsize=128)
def _check_words(code: str, _language: str) -> str:
    # Asked for with every row that is painted, hence kept for each language.
    known = {
        "missing-slice": tr("Missing slice"),
        "mixed-spacing": tr("Mixed spacing"),
        "gantry-tilt": tr("Gantry tilt"),
        "shifted-slices": tr("Shifted slices"),
        "duplicate-positions": tr("Repeated slices"),
        "too-many-grids": tr("Too many grids"),
        "single-slice": tr("Single slice"),
        "no-position": tr("No slice position"),
        "no-spacing": tr("No pixel spacing"),
        "no-orientation": tr("No orientation"),
        "no-rescale": tr("No rescale"),
        "several-rescales": tr("Several rescales"),
        "negative-slope": tr("Negative slope"),
        "non-square-pixels": tr("Oblong pixels"),
        "oblique": tr("Oblique"),
        "not-hu": tr("Perhaps not HU"),
        "rounded": tr("HU rounded"),
        "clipped": tr("HU cut off"),
        "padding": tr("Padded"),
        "two-places": tr("Two places"),
        "part": tr("Part of a series"),
        "remedy-interpolate": tr("Gap interpolated"),
        "remedy-resample": tr("Resampled"),
        "remedy-shear": tr("Tilt corrected"),
        "remedy-split": tr("Split up"),
        "remedy-refuse": tr("Not used"),
    }
    words = code.replace("-", " ").strip()
    return known.get(code, words[:1].upper() + words[1:])


def is_note(check: Check) -> bool:
    """Whether a check only says what was done about a doubt."""
    return check.code.startswith("remedy-") or check.code == "part"


def has_note(record: SeriesRecord) -> bool:
    """Whether something was done about a doubt."""
    return any(is_note(check) for check in record.checks)


def has_doubt(record: SeriesRecord) -> bool:
    """Whether something about a series is doubtful and was left so."""
    return record.missing or any(not is_note(check) for check in record.checks)


def format_name(record: SeriesRecord) -> str:
    """DICOM, or the format of an image file by its ending."""
    if record.source == "dicom":
        return "DICOM"
    name = record.files[0].name.lower() if record.files else ""
    return next((words for ending, words in _FORMATS if name.endswith(ending)), "–")


def note_title(record: SeriesRecord) -> str:
    """What was done to a volume, in two words, and how many doubts are left; "" for nothing."""
    done = next((check_words(check.code) for check in record.checks if is_note(check)), "")
    left = sum(not is_note(check) for check in record.checks)
    return f"{done} +{left}" if done and left else done


def check_title(record: SeriesRecord) -> str:
    """The worst doubt of a series in two words, "" when there is none."""
    if record.missing:
        return tr("Files moved")
    doubts = [check for check in record.checks if not is_note(check)]
    if not doubts:
        return ""
    title = check_words(doubts[0].code)
    return title if len(doubts) == 1 else f"{title} +{len(doubts) - 1}"


def remedy_words(kind: str) -> str:
    """What a button says that chooses a remedy."""
    return {
        "keep": tr("Keep as it is"),
        "interpolate": tr("Interpolate gap"),
        "resample": tr("Resample"),
        "shear": tr("Correct tilt"),
        "split": tr("Split"),
        "refuse": tr("Do not use"),
    }.get(kind, kind)


def reading_words(state: ImportState) -> str:
    """ "Reading files, 212 of 303", or the stage alone while the total is unknown."""
    stage = tr(state.stage) if state.stage else tr("Making cases")
    if not state.total:
        return stage
    return tr("{0}, {1} of {2}").format(stage, thousands(state.done), thousands(state.total))


def thousands(value: int) -> str:
    """Groups of three with a thin gap."""
    return f"{value:,}".replace(",", "\u2009")
