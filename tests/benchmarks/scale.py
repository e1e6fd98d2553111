"""Start-up, memory and step time of a run with 10, 100 and 1,000 cases.

    python -m tests.benchmarks.scale WORK [--cases 10 100 1000] [--seconds 30]

WORK gets one project a size (6.6 MB a case: image and label of 64 x 160 x 160 voxels in the
preprocessed cache, a real label file and a library row) and is emptied again, unless ``--keep``.
Two cases validate whatever the size: a pass over all of them takes time by its nature. The run is
a child process like any other; a small network, so that a step is mostly data. Prints JSON and a
table.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import psutil
from numpy.typing import NDArray

from core.data.cache import key
from core.data.plan import Plan, PlanClass
from core.events import StateEvent, StepEvent
from core.geometry import Geometry
from core.jobs.runner import start
from core.labels.durable import write_bytes
from core.project import manifest
from core.project.project import Project
from core.project.records import SeriesRecord
from core.project.runs import create_run

SHAPE = (64, 160, 160)
SPACING = (2.0, 2.0, 2.0)
#: Different images and labels; the files of all cases are copies of these, byte for byte.
KINDS = 4


@dataclass(frozen=True, slots=True)
class Scale:
    """What one size took. Seconds (``_cpu``: of the processor, for busy machines), memory in MB.

    open_cpu: opening the project and listing its series. make_run_cpu: manifest and run folder,
    labels hashed before. running: from the start of the child until it says it trains. steps: taken
    while it was watched. data_wait: share of the time spent waiting for data. private_mb: memory of
    the child at the end without the pages of mapped files, which the system takes back when it
    needs them; mapped_mb: those. open_files: of the child, mapped ones included.
    """

    cases: int
    open_cpu: float
    make_run_cpu: float
    running: float
    running_cpu: float
    steps: int
    step_ms: float
    step_cpu_ms: float
    data_wait: float
    private_mb: float
    mapped_mb: float
    open_files: int


def plan() -> Plan:
    """A residual U-Net of 8 to 32 features on blocks of 48³."""
    return Plan(
        classes=(PlanClass(1, "Tumour"),),
        spacing=SPACING,
        patch=(48, 48, 48),
        hu_low=-200.0,
        hu_high=300.0,
        hu_mean=40.0,
        hu_std=80.0,
        channels=(8, 16, 32),
        blocks=(1, 1, 1),
        strides=((1, 1, 1), (2, 2, 2), (2, 2, 2)),
        kernels=((3, 3, 3),) * 3,
        budget_minutes=600.0,
        device="cpu",
        compile="off",
    )


def arrays(kind: int) -> dict[str, NDArray[np.generic]]:
    """Tissue with noise and a ball of 12 voxels' radius, as ``core.data.cache`` stores a case."""
    rng = np.random.default_rng(kind)
    image = rng.normal(30, 20, SHAPE).astype(np.int16)
    middle = rng.uniform(20, 44, 3) * np.array(SHAPE) / 64
    grid = np.meshgrid(*map(np.arange, SHAPE), indexing="ij", sparse=True)
    label = sum((a - m) ** 2 for a, m in zip(grid, middle, strict=True)) < 144
    image[label] += 60
    places = np.argwhere(label)[::8][:1000].astype(np.int32)
    row = int(np.argmax(label.sum((1, 2))))
    return {
        "image": image,
        "label": label.astype(np.uint8),
        "truth": label.astype(np.uint8),
        "centres": np.column_stack([np.zeros(len(places), np.int32), places]),
        "preview": image[row],
        "preview_row": np.array(row),
    }


def make_project(path: Path, cases: int, made: Plan) -> None:
    """A project of ``cases`` labelled series, preprocessed for ``made``."""
    kinds = [arrays(kind) for kind in range(KINDS)]
    geometry = Geometry(SHAPE, SPACING)
    with Project.create(path) as project:
        scans = [project.path / "scans" / f"{number}.nii" for number in range(cases)]
        scans[0].parent.mkdir()
        for scan in scans:
            scan.write_bytes(b"never read: the case is in the cache")
        records = [
            SeriesRecord(
                series_uid=f"1.2.{number}", patient_id=f"P{number}", modality="CT", description="",
                geometry=geometry, files=(scans[number],), source="image",
            )
            for number in range(cases)
        ]  # fmt: skip
        project.library.upsert_all(records)
        for number, record in enumerate(records):
            labels = np.asarray(kinds[number % KINDS]["label"], np.uint8)
            if number < KINDS:
                project.label_store(record.series_uid).save(labels)
                project.save_label_summary(record.series_uid, labels)
            else:
                source = project.labels_dir(records[number % KINDS].series_uid)
                shutil.copytree(source, project.labels_dir(record.series_uid))
        first = project.record(records[0].series_uid)
        summary = {k: getattr(first, k) for k in ("labels", "label_voxels", "lesion_ml")}
        fields = {**summary, "label_status": "reviewed"}
        project.library.update_each(
            {
                r.series_uid: {**fields, "split": "val" if number < 2 else "train"}
                for number, r in enumerate(records)
            }
        )
        for number, entry in enumerate(_in_order(project, records)):
            folder = project.cache_dir / "cases" / key(entry, made)
            folder.mkdir(parents=True)
            for name, array in kinds[number % KINDS].items():
                np.save(folder / f"{name}.npy", array, allow_pickle=False)


def _in_order(project: Project, records: list[SeriesRecord]) -> list[manifest.ManifestCase]:
    """The manifest's cases in the order of ``records``. Hashes every label, which is remembered."""
    cases = {case.series_uid: case for case in manifest.build(project).cases}
    return [cases[record.series_uid] for record in records]


def measure(path: Path, cases: int, made: Plan, seconds: float) -> Scale:
    """Run for ``seconds`` after it began to train and look at it from outside."""
    began = time.process_time()
    project = Project.open(path)
    project.series()
    opened = time.process_time()
    run = create_run(project, made)
    ready = time.process_time()
    project.close()
    started = time.monotonic()
    process = start(run.path)
    child = psutil.Process(process.pid)
    running = running_cpu = 0.0
    reports: list[tuple[StepEvent, float]] = []
    memory, files = (0.0, 0.0), 0
    for event in process.events(timeout=1.0):
        if memory[0] or process.returncode is not None:
            continue  # what is said after it was ended
        if isinstance(event, StateEvent):
            if event.state == "failed":
                raise SystemExit(event.sentence)
            if event.state == "running":
                running, running_cpu = time.monotonic(), _cpu(child)
        if isinstance(event, StepEvent):
            reports.append((event, _cpu(child)))
        # The first report covers the warm-up; from then on a step is a step.
        if len(reports) > 2 and time.monotonic() - running >= seconds:
            memory, files = _memory(child), len(child.open_files())
            process.kill()
    (first, cpu_then), (last, cpu_now) = reports[0], reports[-1]
    steps = last.step - first.step
    return Scale(
        cases=cases,
        open_cpu=opened - began,
        make_run_cpu=ready - opened,
        running=running - started,
        running_cpu=running_cpu,
        steps=last.step,
        step_ms=1000 * (last.elapsed - first.elapsed) / steps,
        step_cpu_ms=1000 * (cpu_now - cpu_then) / steps,
        data_wait=median(event.data_wait for event, _ in reports[1:]),
        private_mb=memory[0],
        mapped_mb=memory[1],
        open_files=files,
    )


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _memory(child: psutil.Process) -> tuple[float, float]:
    """Private and file-backed resident MB; where the system does not tell them apart: all, 0."""
    info = child.memory_info()
    mapped = float(getattr(info, "shared", 0))
    return (info.rss - mapped) / 1e6, mapped / 1e6


def table(rows: list[Scale]) -> str:
    """The rows as Markdown, one column a size."""
    names = [name for name in asdict(rows[0]) if name != "cases"]
    lines = ["| cases | " + " | ".join(f"{r.cases:,}" for r in rows) + " |"]
    lines.append("|---" * (len(rows) + 1) + "|")
    for name in names:
        lines.append(f"| {name} | " + " | ".join(f"{getattr(r, name):.3g}" for r in rows) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure every size and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path, help="an empty or new folder with 10 GB to spare")
    parser.add_argument("--cases", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--keep", action="store_true", help="leave the projects for another time")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    made, rows = plan(), []
    for cases in given.cases:
        path = given.work / f"project{cases}"
        if not path.exists():
            make_project(path, cases, made)
        rows.append(measure(path, cases, made, given.seconds))
        print(json.dumps(asdict(rows[-1])), file=sys.stderr)
        if not given.keep:
            shutil.rmtree(path)
    write_bytes(given.work / "scale.json", json.dumps([asdict(r) for r in rows]).encode())
    print(table(rows))


if __name__ == "__main__":
    main()
