"""English and 简体中文; the switch needs no restart.

Texts are English in the source (``self.tr("...")``); a translation is one JSON file that maps the
English text to the other language, whatever class it stands in.
"""

from __future__ import annotations

import json
from functools import lru_cache

from PySide6.QtCore import QCoreApplication, QLocale, QObject, QTranslator

from gui.preferences import LANGUAGES
from gui.theme import RESOURCES


@lru_cache(maxsize=4)
def catalogue(language: str) -> dict[str, str]:
    """English -> translated text. Empty for English."""
    path = RESOURCES / "i18n" / f"{language}.json"
    if not path.is_file():
        return {}
    texts: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return texts


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
