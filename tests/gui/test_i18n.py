"""Two languages: complete, switched without a restart."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication

import gui
from gui import i18n, preferences

ROOT = Path(gui.__file__).parent


def texts(path: Path) -> list[str]:
    """Literal first arguments of ``tr`` in a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        first = node.args[0]
        if name == "tr" and isinstance(first, ast.Constant) and isinstance(first.value, str):
            found.append(first.value)
    return found


@pytest.fixture
def english(qapp):
    i18n.install("en")
    yield
    i18n.install("en")


FILES = {
    path.relative_to(ROOT).as_posix(): found
    for path in sorted(ROOT.rglob("*.py"))
    if (found := [text for text in texts(path) if text])
}
#: The frame and the library are complete; no page may fall far behind.
COMPLETE = [
    name for name in FILES if "/" not in name or name.startswith(("widgets/", "pages/library"))
]


@pytest.mark.parametrize("name", COMPLETE)
def test_every_text_is_translated(name):
    known = i18n.catalogue("zh_CN")
    assert [text for text in FILES[name] if text not in known] == []


def test_nearly_every_text_of_the_window_is_translated():
    known = i18n.catalogue("zh_CN")
    everything = [(name, text) for name, found in FILES.items() for text in found]
    missing = [(name, text) for name, text in everything if text not in known]
    assert len(missing) <= 0.1 * len(everything), missing


def test_no_text_is_translated_that_nobody_says():
    said = {
        node.value
        for part in (ROOT, ROOT.parent / "core")
        for path in part.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    window = i18n.catalogue("zh_CN").keys() - i18n.spoken("zh_CN").keys()
    assert sorted(window - said) == []


def test_placeholders_survive_translation():
    for source, target in i18n.catalogue("zh_CN").items():
        for mark in ("{0}", "{1}", "{2}", "%n"):
            assert source.count(mark) == target.count(mark), source


def test_plural_in_english(english):
    assert QCoreApplication.translate("x", "%n lesion(s)", None, 1) == "1 lesion"
    assert QCoreApplication.translate("x", "%n lesion(s)", None, 4) == "4 lesions"


def test_switch_at_run_time(english):
    i18n.install("zh_CN")
    assert QCoreApplication.translate("Rail", "Library") == "病例库"
    assert QCoreApplication.translate("x", "%n series found", None, 3) == "找到 3 个序列"
    i18n.install("en")
    assert QCoreApplication.translate("Rail", "Library") == "Library"


def test_unknown_language_is_a_bug(english):
    with pytest.raises(ValueError, match="unknown language"):
        i18n.install("xx")


def test_preferences_are_kept_and_damage_is_forgiven(tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONFORGE_CONFIG_DIR", str(tmp_path))
    assert preferences.load() == preferences.Preferences()
    preferences.save(preferences.Preferences("zh_CN", 125))
    assert preferences.load() == preferences.Preferences("zh_CN", 125)
    (tmp_path / "preferences.json").write_text('{"language": "xx", "scale": 7}')
    assert preferences.load() == preferences.Preferences()
    (tmp_path / "preferences.json").write_text("not json")
    assert preferences.load() == preferences.Preferences()
