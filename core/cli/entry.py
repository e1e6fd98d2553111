"""From argv to an exit code: the parser, and what each kind of ending prints."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from core.cli.output import Output, standard_output, use_utf8
from core.cli.parser import build_parser
from core.errors import Cancelled, UserError

EXIT_USER, EXIT_CANCELLED = 2, 130

#: What a disk says that is no fault of the program: full, over quota, read-only, not permitted.
_DISK = frozenset(
    {errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, getattr(errno, "EDQUOT", 0)}
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. A bug propagates (Python exits with 1).

    argv: without the program's name; ``sys.argv`` when None. Raises SystemExit(2) for arguments
    that make no command, SystemExit(0) after ``--help``.
    """
    use_utf8()
    args = build_parser().parse_args(argv)
    with standard_output(quiet=args.json) as stream:
        try:
            return int(args.run(args, Output(stream, as_json=args.json)))
        except UserError as error:
            return _end(error.sentence, EXIT_USER)
        except (Cancelled, KeyboardInterrupt):
            return _end("Cancelled.", EXIT_CANCELLED)
        except BrokenPipeError:
            return _reader_left()
        except OSError as error:
            if error.errno not in _DISK:
                raise
            what = f"{error.filename}: " if error.filename else ""
            return _end(f"{what}{error.strerror}. Make room or choose another place.", EXIT_USER)


def _end(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


def _reader_left() -> int:
    # As in `lesionforge-cli list P | head`: nobody reads any more, so stop without a word. The
    # interpreter would complain again when it flushes at exit; give it a place to flush to.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    return EXIT_CANCELLED
