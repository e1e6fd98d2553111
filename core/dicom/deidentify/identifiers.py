"""Who is meant by a dataset: the names and numbers that must not be left anywhere in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from core.dicom.parsing import PARSE_ERRORS

#: Attributes whose whole value names a person, a stay or a place. Names of persons (VR PN) are
#: taken from every attribute.
_NUMBERS = frozenset(
    ("PatientID", "OtherPatientIDs", "AccessionNumber", "AdmissionID", "StudyID",
     "MedicalRecordLocator", "PatientAddress", "PatientTelephoneNumbers", "InstitutionName",
     "InstitutionAddress", "InstitutionalDepartmentName", "IssuerOfPatientID",
     "MilitaryRank", "PatientInsurancePlanCodeSequence", "RequestingService",
     "FillerOrderNumberImagingServiceRequest", "PlacerOrderNumberImagingServiceRequest",
     "ClinicalTrialSubjectID", "ScheduledProcedureStepID", "RequestedProcedureID")
)  # fmt: skip

#: Shorter ones would be found in words that name nobody.
_SHORTEST_NAME, _SHORTEST_NUMBER = 3, 4


class Identifiers:
    """Texts to look for, as whole words and whatever their case."""

    def __init__(self, datasets: Iterable[Dataset], more: Iterable[str] = ()) -> None:
        words = {text.strip().casefold() for text in more}
        for dataset in datasets:
            for element in attributes(dataset):
                words |= {word.casefold() for word in _words(element)}
        self.words = frozenset(w for w in words if len(w) >= _SHORTEST_NAME)
        longest_first = sorted(self.words, key=len, reverse=True)
        pattern = "|".join(re.escape(word) for word in longest_first)
        self._pattern = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)") if pattern else None

    def found(self, text: str) -> bool:
        """Whether ``text`` holds one of them."""
        return self._pattern is not None and self._pattern.search(text.casefold()) is not None


def attributes(dataset: Dataset) -> Iterator[DataElement]:
    """All elements that can be read, those inside sequences too."""
    for tag in sorted(dataset.keys()):
        try:
            element = dataset[tag]
        except PARSE_ERRORS:
            continue
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from attributes(item)


def _words(element: DataElement) -> list[str]:
    value = element.value
    if value is None or element.VR == "SQ" or isinstance(value, bytes):
        return []
    texts = [str(v).strip() for v in (value if hasattr(value, "_list") else [value])]
    if element.VR == "PN":
        parts = [part for text in texts for part in re.split(r"[\^= ]+", text)]
        return [part for part in parts if len(part) >= _SHORTEST_NAME]
    if element.keyword in _NUMBERS:
        return [text for text in texts if len(text) >= _SHORTEST_NUMBER]
    return []
