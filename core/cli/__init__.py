"""The command line: everything LesionForge does, without a window.

Exit codes: 0 done · 1 a bug, with its trace on stderr · 2 something the user can mend, told in one
sentence on stderr · 130 cancelled (Ctrl-C).
"""

from core.cli.entry import main

__all__ = ["main"]
