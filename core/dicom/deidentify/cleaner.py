"""A dataset without identity: every attribute judged by the profile, every value by its kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydicom.datadict import dictionary_description, dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID

from core.dicom.deidentify.audit import Audit
from core.dicom.deidentify.identifiers import Identifiers
from core.dicom.deidentify.identity import Identity
from core.dicom.deidentify.profile import Action, Rules, action, without_name
from core.dicom.parsing import PARSE_ERRORS

#: Coding schemes of standards; a local scheme's codes may be anything.
_SCHEMES = frozenset(
    ("DCM", "SCT", "SRT", "SNM3", "99SDM", "FMA", "UMLS", "LN", "UCUM", "NCIt", "RADLEX", "MDC")
)
_CODE = re.compile(r"[A-Z0-9_ ]{0,16}\Z")
_TIME = re.compile(r"[0-9.:]{0,16}")
_DUMMIES = {"DA": "19000101", "TM": "000000", "DT": "19000101000000", "IS": "0", "DS": "0"}
_TEXTS = ("LO", "SH", "CS", "UC", "PN", "LT", "ST", "UT", "AE")
_REMOVED = "REMOVED"
_GONE = (Action.REMOVE, Action.PRIVATE, Action.UNKNOWN, Action.SAID)


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Cleans the datasets of one patient.

    patient: what the pseudonym and the shift of dates are made of. identifiers: texts that must
    not be left anywhere. audit: gets a note for every attribute.
    """

    identity: Identity
    patient: str
    rules: Rules
    identifiers: Identifiers
    audit: Audit

    def clean(self, dataset: Dataset, enhanced: bool) -> Dataset:
        """A new dataset with what is safe of ``dataset``; pixel data are not part of it.

        enhanced: see :func:`core.dicom.deidentify.profile.action`.
        """
        return self._items(dataset, "", enhanced)

    def _items(self, dataset: Dataset, path: str, enhanced: bool) -> Dataset:
        kept = Dataset()
        for tag in sorted(dataset.keys()):
            element = self._element(dataset, BaseTag(tag), path, enhanced)
            if element is not None:
                kept[BaseTag(tag)] = element
        return self._standard_code(kept)

    def _element(
        self, dataset: Dataset, tag: BaseTag, path: str, enhanced: bool
    ) -> DataElement | None:
        where = f"{path}({tag.group:04X},{tag.element:04X})"
        chosen = action(int(tag), self.rules, enhanced)
        if tag.group in (0x0002, 0x7FE0) or tag.element == 0:
            return None  # group lengths; pixel data are copied as they are
        try:
            element = dataset[tag]
            before = _shown(element)
        except PARSE_ERRORS:
            element, before = None, ""
        if element is None or chosen in _GONE:
            done = Action.MALFORMED if element is None and chosen is Action.KEEP else chosen
            self._note(tag, where, done, before, "")
            return None
        if chosen is Action.KEEP and element.VR == "SQ":
            items = [self._items(item, f"{where} > ", enhanced) for item in element.value]
            self._note(tag, where, chosen, before, before)
            return DataElement(tag, "SQ", Sequence(items))
        made, done = self._value(element, chosen)
        self._note(tag, where, done, before, "" if made is None else _shown(made))
        return made

    def _value(self, element: DataElement, chosen: Action) -> tuple[DataElement | None, Action]:
        """The element as it may stay, and what was done in the end."""
        if chosen is Action.NAME and not all(self._harmless(t) for t in _texts(element)):
            chosen = without_name(element.keyword)
        if chosen is Action.KEEP:
            chosen = self._judge(element)
        if chosen in (Action.NAME, Action.KEEP):
            return element, chosen
        if chosen is Action.UID:
            return self._uids(element)
        value = self._replacement(element, chosen)
        if value is None:
            return None, Action.MALFORMED if chosen is Action.SHIFT else chosen
        return DataElement(element.tag, _dictionary_vr(element.tag, element.VR), value), chosen

    def _harmless(self, name: str) -> bool:
        """Whether a name is one of the project's that does not name the patient."""
        return name in self.rules.names and not self.identifiers.found(name)

    def _replacement(self, element: DataElement, chosen: Action) -> Any:
        """What stands in the place of a value; None where nothing can."""
        vr = _dictionary_vr(element.tag, element.VR)
        if chosen is Action.SHIFT:
            shifted = [self._shift(text) for text in _texts(element)]
            return shifted if shifted and all(shifted) else None
        if chosen is Action.PSEUDONYM:
            return self.identity.pseudonym(self.patient)
        if chosen is Action.EMPTY:
            return Sequence() if vr == "SQ" else ""
        if chosen is Action.DUMMY:
            return _REMOVED if vr in _TEXTS else _DUMMIES.get(vr)
        return None

    def _uids(self, element: DataElement) -> tuple[DataElement | None, Action]:
        """New UIDs for those that name something; classes and syntaxes of the standard stay."""
        if element.VR == "SQ":
            return None, Action.REMOVE
        old = _texts(element)
        # pydicom names those that the standard registers, and no others.
        new = [uid if UID(uid).name != uid else self.identity.uid(uid) for uid in old if uid]
        value = new if len(new) > 1 else "".join(new)
        return DataElement(element.tag, "UI", value), (Action.KEEP if new == old else Action.UID)

    def _judge(self, element: DataElement) -> Action:
        """Whether a value that may stay is of its kind and holds no identifier."""
        allowed = dictionary_VR(element.tag).split(" or ")
        if element.VR not in allowed:
            return Action.MALFORMED
        if element.VR == "UI":
            return Action.UID
        texts = _texts(element)
        if element.VR == "CS" and not all(_CODE.match(text) for text in texts):
            return Action.MALFORMED
        if element.VR == "TM" and not all(_TIME.fullmatch(text) for text in texts):
            return Action.MALFORMED
        if element.VR in _TEXTS and any(self.identifiers.found(text) for text in texts):
            return Action.FOUND
        return Action.KEEP

    def _standard_code(self, item: Dataset) -> Dataset:
        """A code of a local scheme says something only its hospital knows: it loses its words."""
        scheme = str(item.get("CodingSchemeDesignator", ""))
        if not scheme or scheme in _SCHEMES or str(item.get("CodeMeaning")) in self.rules.names:
            return item
        for keyword in ("CodeValue", "LongCodeValue", "CodeMeaning"):
            if keyword in item:
                setattr(item, keyword, _REMOVED)
        return item

    def _shift(self, text: str) -> str:
        """A date, or a date with a time, earlier by the patient's days; empty when it is none."""
        try:
            date = datetime.strptime(text[:8].ljust(8, "x"), "%Y%m%d")
        except ValueError:
            return ""
        tail = text[8:]
        if not re.fullmatch(r"[0-9.+\-]*", tail) or date.year < 1900:
            return ""
        return (date - timedelta(days=self.identity.days(self.patient))).strftime("%Y%m%d") + tail

    def _note(self, tag: BaseTag, where: str, done: Action, before: str, after: str) -> None:
        self.audit.note(where, _name(tag), done, before, after)


def _dictionary_vr(tag: BaseTag, found: str) -> str:
    """The VR an attribute should have; the one it has where the dictionary leaves it open."""
    known = dictionary_VR(tag) if dictionary_has_tag(tag) else found
    return found if " or " in known else known


def _name(tag: BaseTag) -> str:
    if tag.is_private:
        return "Private"
    return dictionary_description(tag) if dictionary_has_tag(tag) else "Unknown"


def _texts(element: DataElement) -> list[str]:
    """The values of an element as text, without padding."""
    value: Any = element.value
    many = value if isinstance(value, list | tuple) or hasattr(value, "_list") else [value]
    return [] if value is None else [str(v).strip(" \0") for v in many]


def _shown(element: DataElement) -> str:
    """An example for the audit table."""
    if element.VR == "SQ":
        return f"{len(element.value)} items"
    if isinstance(element.value, bytes):
        return f"{len(element.value):,} bytes"
    return "\\".join(_texts(element)[:8])
