"""Removed series keep their labels until the user empties the trash."""

from __future__ import annotations

import shutil

from core.project.folder import ProjectFolder
from core.project.known_files import KnownFiles
from core.project.library import Library


def empty(folder: ProjectFolder, library: Library) -> int:
    """Delete the label folders and rows of all removed series; returns how many there were."""
    gone = [record.series_uid for record in library.removed()]
    for uid in gone:
        labels = folder.labels_of(uid)
        if labels.is_dir():
            shutil.rmtree(labels)
    library.forget(gone)
    if gone:
        KnownFiles.forget(folder.cache)
    return len(gone)
