"""Files that ship with the program: icons, style sheet, presets, translations."""
