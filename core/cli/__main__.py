"""``python -m core.cli``, where the script is not on the path."""

import sys

from core.cli.entry import main

sys.exit(main())
