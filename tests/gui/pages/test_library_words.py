"""What core says of doubtful volumes, in the words of the window."""

from __future__ import annotations

import re

import numpy as np
import pytest

from core.dicom.checks import tag_checks, value_checks
from core.dicom.frames import Frame
from core.dicom.offers import offers
from core.dicom.outcomes import outcome
from core.dicom.remedies import KINDS
from core.project.importer import import_paths
from core.project.project import Project
from gui import i18n
from gui.pages.library_words import check_words, remedy_words
from tests.core.dicom.make import write_series


@pytest.fixture(autouse=True)
def chinese(qapp):
    i18n.install("zh_CN")
    yield
    i18n.install("en")


def gap(made, index):
    if index >= 6:
        made.ImagePositionPatient[2] += 3.0


def uneven(made, index):
    made.ImagePositionPatient[2] += 1.5 * max(0, index - 5)


def tilted(made, index):
    made.ImagePositionPatient[1] += float(np.tan(np.radians(12))) * 3.0 * index


@pytest.mark.parametrize("change", [gap, uneven, tilted])
def test_checks_remedies_and_notes_are_told_in_chinese(tmp_path, change):
    write_series(tmp_path / "ct", 12, change)
    project = Project.create(tmp_path / "p")
    import_paths(project, [tmp_path / "ct"])
    (record,) = project.series()
    assert record.scanned is not None
    told = [check.message for check in record.checks]
    for offer in offers(record.scanned):
        told.append(offer.text)
        told += [check.message for check in outcome(record.scanned, offer.remedy).checks]
    assert len(told) > 5
    for words in told:
        left = re.findall(r"[A-Za-z]{2,} [a-z]{2,}", i18n.sentence(words))
        assert left == [], words
    project.close()


def test_what_a_file_does_not_say_is_told_in_chinese():
    frame = Frame()
    for check in (*tag_checks(frame), *value_checks([frame, frame])):
        assert not re.search(r"[A-Za-z]{3,} [a-z]{2,}", i18n.sentence(check.message)), check


@pytest.mark.parametrize("kind", KINDS)
def test_every_remedy_has_words(kind):
    assert remedy_words(kind) != kind
    assert not re.search("[A-Za-z]", remedy_words(kind))


def test_an_unknown_check_is_named_by_its_code():
    assert check_words("gantry-tilt") == "机架倾斜"
    assert check_words("quite-new") == "Quite new"
