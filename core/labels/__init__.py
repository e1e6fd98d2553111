"""Label maps: classes, edits that can undo themselves, journal, storage, lesions."""
