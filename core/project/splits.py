"""Which series train, validate and test: by patient, so that none is on two sides.

Only series with a lesion label in use (draft or reviewed) are split. Patients are dealt in order
of lesion volume, so that each part gets small and large lesions alike.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from core.errors import UserError
from core.project.library import Library
from core.project.records import SeriesRecord, Split
from core.project.search import natural_key


def is_labelled(record: SeriesRecord) -> bool:
    """Whether a series can train or judge a model: a label in use that holds lesion voxels."""
    return record.label_status in ("draft", "reviewed") and record.label_voxels > 0


def patient_key(record: SeriesRecord) -> str:
    """What counts as one patient: the ID, or where it is blank the study, or the series itself.

    Anonymised files often carry no ID; taking all of them for one patient would leave nothing
    to validate on.
    """
    if record.patient_id.strip():
        return f"patient:{record.patient_id.strip()}"
    return f"study:{record.study_uid}" if record.study_uid else f"series:{record.series_uid}"


def split_by_patient(
    records: Sequence[SeriesRecord],
    val: float = 0.2,
    test: float = 0.0,
    seed: int = 0,
    keep_test: bool = True,
) -> dict[str, Split]:
    """The split of each labelled series; all series of a patient are in the same one.

    records: all series of the project; those not labelled are left out of the answer.
    val, test: shares of the patients, 0 to less than 1 together. With at least two patients that
    are not for testing, at least one validates (unless ``val`` is 0) and at least one trains;
    ``test`` > 0 gives at least one for testing where there are three patients or more.
    seed: the same records and seed give the same split, in whatever order the records come.
    keep_test: patients that already have a series in ``test`` stay there and count towards
    ``test``, so that a model never trains on what it is judged by later.

    Raises UserError when a share is impossible.
    """
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1):
        raise UserError(
            f"A split of {val:g} for validation and {test:g} for testing leaves nothing to train "
            "on. Give shares from 0 to 1 that add up to less than 1."
        )
    patients: dict[str, list[SeriesRecord]] = {}
    for record in records:
        if is_labelled(record):
            patients.setdefault(patient_key(record), []).append(record)
    fixed = {
        name
        for name, rows in patients.items()
        if keep_test and any(r.split == "test" for r in rows)
    }
    free = _dealing_order({n: rows for n, rows in patients.items() if n not in fixed}, seed)
    tests = max(0, _count(len(patients), test, minimum_of=3) - len(fixed)) if test else 0
    tests = min(tests, max(0, len(free) - 2))
    vals = min(_count(len(patients), val, minimum_of=2), max(0, len(free) - tests - 1))
    parts: dict[str, Split] = dict.fromkeys(fixed, "test")
    parts |= zip(free, _spread(len(free), vals, tests), strict=True)
    return {r.series_uid: parts[name] for name, rows in patients.items() for r in rows}


def resplit(
    library: Library, val: float = 0.2, test: float = 0.0, seed: int = 0, keep_test: bool = True
) -> dict[str, Split]:
    """Split a library's series anew and store it; those without a label leave their split.

    Returns what :func:`split_by_patient` gave. Raises UserError as it does, or when no series has
    a lesion label.
    """
    records = library.all()
    parts = split_by_patient(records, val, test, seed, keep_test)
    if not parts:
        raise UserError(
            "No series has a lesion label, so there is nothing to split. "
            "Label some series, or import labels, first."
        )
    none: Split = "none"
    library.update_each({r.series_uid: {"split": parts.get(r.series_uid, none)} for r in records})
    return parts


def count_splits(records: Sequence[SeriesRecord]) -> dict[Split, dict[str, int]]:
    """For train, val and test: how many ``series`` and how many ``patients``."""
    series: Counter[Split] = Counter(r.split for r in records)
    counts: dict[Split, dict[str, int]] = {}
    names: tuple[Split, ...] = ("train", "val", "test")
    for name in names:
        patients = {patient_key(r) for r in records if r.split == name}
        counts[name] = {"series": series[name], "patients": len(patients)}
    return counts


def _count(patients: int, share: float, minimum_of: int) -> int:
    """Patients for a share, at least one when the share is not 0 and there are enough of them."""
    if share == 0 or patients < minimum_of:
        return 0
    return max(1, round(patients * share))


def _dealing_order(patients: dict[str, list[SeriesRecord]], seed: int) -> list[str]:
    """Patients by total lesion volume, neighbours in that order shuffled by the seed."""
    names = sorted(
        patients, key=lambda n: (sum(r.lesion_ml for r in patients[n]), natural_key(n), n)
    )
    # Groups of five in order of volume, shuffled within: each part then draws evenly from small
    # to large, and which patient of a group it draws depends on the seed alone.
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    order: list[str] = []
    for start in range(0, len(names), 5):
        group = names[start : start + 5]
        chance.shuffle(group)
        order += group
    return order


def _spread(total: int, vals: int, tests: int) -> list[Split]:
    """``total`` places with the validation and test ones evenly among the training ones."""
    places: list[Split] = ["train"] * total
    others = vals + tests
    for index in range(others):
        # Centres of equal intervals; distinct because there are at most ``total`` of them.
        place = (2 * index + 1) * total // (2 * others)
        # Test places lie evenly among the others, too (Bresenham).
        is_test = (index + 1) * tests // others > index * tests // others
        places[place] = "test" if is_test else "val"
    return places
