"""JSON and nothing else on standard output; text for people; the right exit codes."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from core.cli import library
from core.cli.output import Output, stop_on_interrupt, table, to_json
from core.errors import Cancelled
from tests.core.cli.conftest import Cli

COMMANDS = [
    "init", "demo", "import", "list", "show", "export-image", "export-label",
    "deidentify", "split", "plan", "train", "predict", "evaluate", "export",
]  # fmt: skip


def in_a_process(*args: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "core.cli", *map(str, args)],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(cli: Cli, command: str) -> None:
    done = cli(command, "--help")
    assert done.code == 0
    assert "usage: lesionforge-cli" in done.out
    assert "--json" in done.out
    assert "130 cancelled" in " ".join(done.out.split())


def test_help_lists_every_command(cli: Cli) -> None:
    first_words = {line.split()[0] for line in cli("--help").out.splitlines() if line.strip()}
    assert set(COMMANDS) <= first_words


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ([], "The following arguments are required: COMMAND. See lesionforge-cli --help."),
        (["split", "p", "--val", "much"], "Argument --val: invalid float value: 'much'."),
        (["demo", "p", "--cases", "0"], "Argument --cases: must be 1 or more, not 0."),
        (["train", "p", "--minutes", "-1"], "Argument --minutes: must be more than 0, not -1."),
        (["train", "p", "--minutes", "1", "--epochs", "1"], "not allowed with argument"),
        (["show", "p", "1", "--voxel", "1,2"], "must be three whole numbers z,y,x"),
        (["train", "p", "--min", "5"], "nrecognized arguments: --min 5"),
    ],
)
def test_wrong_arguments_are_one_sentence(cli: Cli, args: list[str], sentence: str) -> None:
    done = cli(*args)
    assert done.code == 2
    assert done.out == ""
    assert sentence in done.err
    assert done.err.count("\n") == 1


def test_what_the_user_can_mend_is_one_sentence_and_2(cli: Cli, tmp_path: Path) -> None:
    done = cli("show", tmp_path / "nowhere", "1.2", "--json")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "nowhere cannot be used: it holds no LesionForge project. Create one there first.\n"
    )


def test_a_full_disk_is_not_a_bug_but_other_trouble_is(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(args: Namespace, _output: Output) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(args.project))

    monkeypatch.setattr(library, "init", full)
    done = cli("init", tmp_path)
    assert done.code == 2
    assert "No space left on device" in done.err

    def bug(_args: Namespace, _output: Output) -> int:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(library, "init", bug)
    with pytest.raises(OSError, match="Bad file"):
        cli("init", tmp_path)


@pytest.mark.parametrize("ending", [Cancelled, KeyboardInterrupt])
def test_cancelling_is_130(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: type[BaseException]
) -> None:
    def cancelled(_args: Namespace, _output: Output) -> int:
        raise ending

    monkeypatch.setattr(library, "init", cancelled)
    done = cli("init", tmp_path, "--json")
    assert (done.code, done.out, done.err) == (130, "", "Cancelled.\n")


def test_json_is_utf8_and_alone_whatever_the_console_and_libraries_say(tmp_path: Path) -> None:
    done = in_a_process("init", tmp_path / "Leber", "--name", "Größe 肝", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout.decode("utf-8"))["name"] == "Größe 肝"
    assert done.stderr == b""


def test_what_libraries_print_below_python_goes_to_stderr(tmp_path: Path) -> None:
    code = (
        "import os, sys; from core.cli import library; from core.cli.entry import main\n"
        "def noisy(args, output):\n"
        "    print('python noise'); os.write(1, b'C noise\\n')\n"
        "    output.result([1], 'one'); return 0\n"
        "library.init = noisy\n"
        "sys.exit(main(['init', sys.argv[1], '--json']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout == b"[1]\n"
    assert b"python noise" in done.stderr
    assert b"C noise" in done.stderr


def test_a_bug_shows_its_trace_and_is_1(tmp_path: Path) -> None:
    code = (
        "import sys; from core.cli import library; from core.cli.entry import main\n"
        "def bug(args, output): raise ZeroDivisionError('x')\n"
        "library.init = bug\n"
        "sys.exit(main(['init', sys.argv[1], '--json']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"Traceback" in done.stderr


def test_starting_loads_no_heavy_library() -> None:
    code = (
        "import sys, core.cli.parser\n"
        "heavy = {'torch', 'monai', 'SimpleITK', 'pydicom', 'onnx', 'onnxruntime', 'PySide6'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_json_has_no_nan_and_paths_are_text() -> None:
    value = {"a": float("nan"), "b": [float("inf"), 1.5], "c": Path("x"), "d": (True, None)}
    assert json.loads(to_json(value)) == {"a": None, "b": [None, 1.5], "c": "x", "d": [True, None]}


def test_tables_line_up() -> None:
    assert table(["a", "long"], [["xyz", "1"]]).split("\n") == ["a    long", "xyz  1"]


@pytest.mark.skipif(os.name == "nt", reason="no signals to oneself there")
def test_the_first_interrupt_asks_and_the_second_breaks_off(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt() as cancelled:
        assert not cancelled()
        os.kill(os.getpid(), signal.SIGINT)
        assert cancelled()
        assert "Stopping" in capsys.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
