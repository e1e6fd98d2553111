"""Coverage-guided fuzzing of everything that reads a stranger's file, seeded from the zoo.

    python -m tests.fuzz.import_path DATA WORK --minutes 30 [--target dicom]

Needs ``pip install ".[fuzz]"`` (atheris: Linux and macOS). Each target runs in a child of its own
under libFuzzer with the memory limit below; a child that dies, finds a bug or hangs leaves the file
that did it in WORK/found/<target>, and is started again until the time is used. The corpus stays in
WORK, so a later run goes on from there. At the end: executions, and each find with its trace.

    python -m tests.fuzz.import_path DATA WORK --replay FILE --target dicom     one file, once more
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

#: Shares of the time. DICOM has by far the most code, pydicom's among it.
SHARES = {"dicom": 0.55, "image": 0.25, "text": 0.2}

#: Interpreter, numpy, pydicom and the decoders take some 300 MB, torch (by way of the model
#: readers) as much again; 200 MB over that is the promise.
RSS_MB = {"dicom": 700, "image": 700, "text": 1000}

#: Seconds a child may take to load and to end beside its time: much, on a machine that is busy.
_LATE = 900

#: Modules whose branches guide each target. Instrumenting one costs time at every start.
_INSTRUMENTED = {
    "dicom": ("core.dicom", "pydicom.filereader", "pydicom.dataset", "pydicom.dataelem",
              "pydicom.values", "pydicom.valuerep", "pydicom.encaps", "pydicom.charset"),
    "image": ("core.formats", "core.images", "core.volume", "core.geometry"),
    "text": ("core.project", "core.models", "core.data.plan", "core.data.plan_checks",
             "core.data.plan_migration", "core.events", "core.labels", "core.jobs",
             "core.evaluation.result", "core.formats"),
}  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """What the children of a target did. finds: the last lines before each death."""

    target: str
    seconds: float = 0.0
    executions: int = 0
    coverage: int = 0
    finds: list[str] = field(default_factory=list)


def child(name: str, found: Path, arguments: list[str]) -> None:
    """Fuzz one target until libFuzzer ends this process."""
    import atheris  # noqa: PLC0415 - not on Windows, and slow to load

    with atheris.instrument_imports(
        include=list(_INSTRUMENTED[name]), enable_loader_override=False
    ):
        from tests.fuzz.targets import TARGETS, check  # noqa: PLC0415 - is to be instrumented
    target = TARGETS[name]
    folder = tempfile.TemporaryDirectory(prefix="fuzz-")
    known: set[str] = set()

    def one(data: bytes) -> None:
        try:
            check(target, data, Path(folder.name))
        except Exception as error:  # noqa: BLE001 - whatever escapes is what is looked for
            # Kept once for each place it comes from; going on finds more than ending here.
            last = traceback.extract_tb(error.__traceback__)[-1]
            key = f"{type(error).__name__}-{Path(last.filename).stem}-{last.lineno}"
            if key not in known:
                known.add(key)
                found.joinpath(key).write_bytes(data)
                print(f"FOUND {key}\n{traceback.format_exc()}", flush=True)

    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()


def supervise(name: str, work: Path, seconds: float) -> Outcome:
    """Children of a target, one after another, for ``seconds``."""
    outcome = Outcome(name)
    found = work / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    log = work / f"{name}.log"
    begun = time.monotonic()
    while (left := seconds - (time.monotonic() - begun)) > 5:
        before = set(found.iterdir())
        arguments = [
            str(work / "corpus" / name), f"-artifact_prefix={found}{os.sep}",
            f"-max_total_time={int(left)}", f"-rss_limit_mb={RSS_MB[name]}", "-timeout=60",
            "-max_len=65536", "-print_final_stats=1", "-report_slow_units=5", "-close_fd_mask=0",
        ]  # fmt: skip
        command = [sys.executable, "-m", "tests.fuzz.import_path", "--child", name, str(found),
                   *arguments]  # fmt: skip
        with log.open("ab") as sink:
            at = sink.tell()
            try:
                subprocess.run(command, stdout=sink, stderr=sink, check=False, timeout=left + _LATE)
                late = False
            except subprocess.TimeoutExpired:
                late = True
        text = log.read_bytes()[at:].decode("utf-8", "replace")
        _count(outcome, text)
        fresh = [p for p in found.iterdir() if p not in before and "slow-unit" not in p.name]
        if fresh or "ERROR: libFuzzer" in text:
            names = ", ".join(p.name for p in fresh) or "no file"
            outcome.finds.append(f"{names}\n{_why(text)}")
        elif late:
            outcome.finds.append(f"the child did not end\n{text[-1500:]}")
        elif "DONE" not in text and "Done" not in text:
            outcome.finds.append(f"the child ended\n{text[-1500:]}")
            if time.monotonic() - begun < 20:
                break  # it cannot even start
    outcome.seconds = time.monotonic() - begun
    return outcome


def _count(outcome: Outcome, text: str) -> None:
    done = re.findall(r"^#(\d+)\s", text, re.MULTILINE)
    outcome.executions += int(done[-1]) if done else 0
    covered = re.findall(r" cov: (\d+)", text)
    outcome.coverage = max(outcome.coverage, *map(int, covered)) if covered else outcome.coverage


def _why(text: str) -> str:
    """The trace or the signal of a find."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if line.startswith("FOUND ") or "ERROR: libFuzzer" in line:
            return "\n".join(lines[index : index + 60])[:4000]
    return text[-1500:]


def main() -> int:
    """The command line; returns the exit code: 1 when something was found."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
        return 0
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.import_path", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--target", choices=sorted(SHARES))
    parser.add_argument("--replay", type=Path)
    options = parser.parse_args()
    if options.replay is not None:
        return _replay(options.target, options.replay)
    from tests.fuzz.seeds import write_all  # noqa: PLC0415 - a child must not load it

    print("seeds:", write_all(options.data / "zoo", options.work / "corpus"), flush=True)
    shares = {options.target: 1.0} if options.target else SHARES
    found = 0
    for name, share in shares.items():
        outcome = supervise(name, options.work, options.minutes * 60 * share)
        found += len(outcome.finds)
        print(
            f"{name}: {outcome.seconds:.0f} s, {outcome.executions} executions, "
            f"{outcome.coverage} edges, {len(outcome.finds)} finds",
            *outcome.finds, sep="\n", flush=True,
        )  # fmt: skip
    return 1 if found else 0


def _replay(name: str, path: Path) -> int:
    from tests.fuzz.targets import TARGETS, check  # noqa: PLC0415 - a child must not load it

    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        print(check(TARGETS[name], path.read_bytes(), Path(folder)) or "used")
        print(f"{time.process_time() - begun:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
