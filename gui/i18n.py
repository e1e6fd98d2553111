"""English and 简体中文; the switch needs no restart.

Texts are English in the source (``self.tr("...")``); a translation is one JSON file that maps the
English text to the other language, whatever class it stands in. What ``core`` says has a file of
its own: names and explanations of a plan's fields, and sentences with ``{0}`` where figures stand.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

from PySide6.QtCore import QCoreApplication, QLocale, QObject, QTranslator

from gui.preferences import LANGUAGES
from gui.theme import RESOURCES


@lru_cache(maxsize=4)
def catalogue(language: str) -> dict[str, str]:
    """English -> translated text, the window's and core's. Empty for English."""
    return spoken(language) | _read(f"{language}.json")


@lru_cache(maxsize=4)
def spoken(language: str) -> dict[str, str]:
    """English -> translated text of what core says. Empty for English."""
    return _read(f"{language}.core.json")


def _read(name: str) -> dict[str, str]:
    path = RESOURCES / "i18n" / name
    if not path.is_file():
        return {}
    texts: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return texts


@lru_cache(maxsize=4)
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Of the sentences with figures: what matches one, and the words in the other language."""
    return [
        (re.compile(re.sub(r"\\\{\d\\\}", "(.+?)", re.escape(source)), re.DOTALL), target)
        for source, target in spoken(language).items()
        if "{0}" in source
    ]


def sentence(words: str) -> str:
    """What core said, in the language of the window: each of its sentences that is known.

    Figures and names stay as they are. A sentence that nobody has translated stays English.
    """
    language = current_language()
    if not words or not spoken(language):
        return words
    parts = re.split(r"(?<=[.!?])\s+(?=[A-Z])", words)
    told = [_known(part, language) for part in parts]
    if not any(told):
        return words
    return "".join(
        part + " " if one is None else one for one, part in zip(told, parts, strict=True)
    ).rstrip()


def _known(words: str, language: str) -> str | None:
    found = spoken(language).get(words)
    if found is not None:
        return found
    for pattern, target in _patterns(language):
        if (match := pattern.fullmatch(words)) is not None:
            # What stands in a sentence may be words of core's, too.
            return target.format(*(_known(part, language) or part for part in match.groups()))
    return None


class Catalogue(QTranslator):
    """Answers Qt's questions from a JSON file."""

    def __init__(self, language: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.language = language
        self._texts = catalogue(language)

    def isEmpty(self) -> bool:
        """Never: an empty translator would not be installed, and nobody told of the switch."""
        return False

    def translate(
        self,
        context: str,
        source: str,
        disambiguation: str | None = None,
        n: int = -1,
    ) -> str:
        """The translation, or the English text with its plural put right."""
        found = self._texts.get(source)
        if found is not None:
            return found
        return plain_plural(source, n)


def plain_plural(source: str, n: int) -> str:
    """English needs one change: "1 files" is "1 file". Written "%n file(s)" in the source."""
    return source.replace("(s)", "" if n == 1 else "s") if "(s)" in source else source


def system_language() -> str:
    """zh_CN where the system speaks Chinese, else en."""
    return "zh_CN" if QLocale.system().language() == QLocale.Language.Chinese else "en"


_current: list[Catalogue] = []


def current_language() -> str:
    """Key of the language in use."""
    return _current[0].language if _current else "en"


def ensure() -> None:
    """English where nothing was installed, so that plurals are put right."""
    if not _current:
        install("en")


def install(language: str) -> None:
    """Switch; Qt then sends LanguageChange to all windows. "" follows the system.

    Raises ValueError on a language that does not exist.
    """
    language = language or system_language()
    if language not in LANGUAGES:
        raise ValueError(f"unknown language: {language}")
    while _current:
        QCoreApplication.removeTranslator(_current.pop())
    translator = Catalogue(language, QCoreApplication.instance())
    _current.append(translator)
    QCoreApplication.installTranslator(translator)
