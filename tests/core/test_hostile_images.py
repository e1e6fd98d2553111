"""Image files made to do harm: each ends in an import or in a sentence, in bounded memory."""

from __future__ import annotations

import gzip
import os
import struct
import sys
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from core.errors import FileRefusedError
from core.formats.names import IMAGE_SUFFIXES
from core.geometry import Geometry
from core.images import read_image, read_mask, to_sitk
from core.project.importer import import_paths
from core.project.loose import read_loose
from core.project.project import Project
from core.project.reading import read_volume
from tests.core.hostile import measured

GRID = Geometry((3, 4, 5), (2.5, 0.7, 0.9), (-10.5, 20.25, 300.0))
VALUES = (np.arange(60).reshape(GRID.shape) * 17 - 300).astype(np.int16)

READ = "core.project.import_images:judge"


def written(path: Path) -> Path:
    """A sound file of :data:`VALUES` of the kind of its ending, the pixel data beside it if so."""
    suffix = "".join(path.suffixes)
    if suffix in (".mgh", ".mgz"):
        nib.save(nib.MGHImage(VALUES.T.copy(), np.diag([-1.0, -1.0, 1.0, 1.0])), path)
    elif suffix == ".hdr":
        nib.save(nib.Nifti1Pair(VALUES.T.copy(), np.diag([-1.0, -1.0, 1.0, 1.0])), path)
    else:
        sitk.WriteImage(to_sitk(VALUES, GRID), str(path), useCompression=suffix == ".nrrd")
    return path


@pytest.mark.parametrize("ending", IMAGE_SUFFIXES)
def test_cut_anywhere(tmp_path: Path, ending: str) -> None:
    path = written(tmp_path / f"case{ending}")
    data = path.read_bytes()
    whole = read_image(path).hu
    assert np.array_equal(whole, VALUES)
    for length in sorted({*range(0, len(data), 7), *range(max(0, len(data) - 20), len(data))}):
        path.write_bytes(data[:length])
        try:
            # A few formats end with what is not needed: the last line end, a check sum.
            assert np.array_equal(read_image(path).hu, whole) and length > 0.6 * len(data)
        except FileRefusedError as error:
            assert "case" in str(error)


@pytest.mark.parametrize("ending", [s for s in IMAGE_SUFFIXES if s not in (".nii.gz", ".mgz")])
def test_any_bit_turned(tmp_path: Path, ending: str) -> None:
    path = written(tmp_path / f"case{ending}")
    data = path.read_bytes()
    head = min(len(data), 600) * 8
    for bit in np.random.default_rng(7).choice(head, min(head, 250), replace=False).tolist():
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        try:
            volume = read_image(path)
            assert volume.hu.shape == volume.geometry.shape
        except FileRefusedError as error:
            assert path.name in str(error) or "case" in str(error)


def nifti(path: Path, dims: tuple[int, ...], body: bytes, code: int = 4) -> Path:
    """A NIfTI-1 file that claims ``dims`` of type ``code`` and holds ``body``."""
    image = nib.Nifti1Image(VALUES.T.copy(), np.eye(4))
    head = bytearray(image.header.binaryblock + bytes(4))
    head[344:348] = b"n+1\0"
    struct.pack_into("<8h", head, 40, len(dims), *dims, *([1] * (7 - len(dims))))
    struct.pack_into(
        "<2h", head, 70, code, np.dtype(nib.nifti1.data_type_codes.dtype[code]).itemsize * 8
    )
    struct.pack_into("<f", head, 108, 352.0)
    path.write_bytes(gzip.compress(bytes(head) + body, 6) if path.suffix == ".gz" else head + body)
    return path


def test_memory_and_time_of_lies(tmp_path: Path) -> None:
    """At most 200 MB over the values that a file really holds, which are those of the last ones."""
    good = written(tmp_path / "good.nii.gz")
    claims = [
        nifti(tmp_path / "claim.nii", (30000, 30000, 6), bytes(1000)),  # 10 GB
        nifti(tmp_path / "claim.nii.gz", (2000, 2000, 1000), bytes(1000)),
        # Seven hundred to one, which deflate can do: it is believed until the data end.
        nifti(tmp_path / "believed.nii.gz", (1024, 1024, 20), bytes(8 << 20)),
    ]
    text = (
        "NRRD0004\ntype: short\ndimension: 3\nsizes: 60000 60000 2\nencoding: raw\nendian: little\n"
    )
    claims.append(tmp_path / "claim.nrrd")
    claims[-1].write_bytes(text.encode() + b"\n" + bytes(100))
    claims.append(tmp_path / "header.nrrd")
    claims[-1].write_bytes(b"NRRD0004\n" + b"# no end\n" * 2_000_000)
    claims.append(tmp_path / "skip.nrrd")
    skip = text.replace("raw", "gzip").replace("60000 60000", "5 4") + "byte skip: 99999999999\n\n"
    claims[-1].write_bytes(skip.encode() + gzip.compress(bytes(64 << 20)))
    claims.append(tmp_path / "claim.mha")
    claims[-1].write_bytes(
        b"NDims = 3\nDimSize = 40000 40000 3\nElementType = MET_SHORT\nCompressedData = True\n"
        b"ElementDataFile = LOCAL\n" + zlib.compress(bytes(1 << 20))
    )
    claims.append(tmp_path / "claim.mgh")
    claims[-1].write_bytes(struct.pack(">7ih", 1, 30000, 30000, 6, 1, 4, 0, 0) + bytes(300))
    for path, (said, over, seconds) in zip(claims, measured(READ, claims, good), strict=True):
        assert path.name in said, said
        assert over <= 200, f"{path.name}: {over} MB"
        assert seconds < 20, f"{path.name}: {seconds} s"  # a hang guard; speed is a benchmark's


def test_memory_of_whole_files(tmp_path: Path) -> None:
    """HU beside the values as stored, never a copy more: not of int16, a rescale or doubles."""
    good = written(tmp_path / "good.nii.gz")
    values = np.zeros((50, 512, 512), np.float64)
    values[0] = -1000.25
    image = nib.Nifti1Image(values.T, np.diag([-1.0, -1.0, 1.0, 1.0]))
    nib.save(image, tmp_path / "double.nii.gz")
    scaled = nib.Nifti1Image((values - 5).astype(np.int16).T, np.diag([-1.0, -1.0, 1.0, 1.0]))
    data = bytearray(scaled.to_bytes())
    struct.pack_into("<2f", data, 112, 1.5, 0.25)
    (tmp_path / "scaled.nii").write_bytes(data)
    plain = nib.Nifti1Image(values.astype(np.int16).T, np.diag([-1.0, -1.0, 1.0, 1.0]))
    nib.save(plain, tmp_path / "plain.nii")
    hu = 50 * 512 * 512 * 2 >> 20
    needs = {"plain.nii": hu, "scaled.nii": 2 * hu, "double.nii.gz": 5 * hu}
    paths = [tmp_path / name for name in needs]
    for (name, mb), (said, over, _) in zip(needs.items(), measured(READ, paths, good), strict=True):
        assert said == "used"
        assert over <= mb + 20, f"{name}: {over} MB for {mb} MB of values"


def test_detached_files_are_one_series(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in ("a.mhd", "b.nhdr", "c.hdr"):
        (folder / name[0]).mkdir(parents=True)
        written(folder / name[0] / name)
    twin = folder / "twin"
    twin.mkdir()
    # The same header over other values is another volume.
    (twin / "a.mhd").write_bytes((folder / "a" / "a.mhd").read_bytes())
    (twin / "a.raw").write_bytes(VALUES[::-1].tobytes())
    (folder / "lonely.mhd").write_bytes((folder / "a" / "a.mhd").read_bytes())
    (folder / "stray.raw").write_bytes(b"values of nobody")
    with Project.create(tmp_path / "project") as project:
        report = import_paths(project, [folder])
        assert len(report.series) == 4
        assert all(len(record.files) == 2 for record in report.series)
        assert {s.path.name for s in report.skipped} == {"lonely.mhd", "stray.raw"}
        assert all(s.path.name in s.reason for s in report.skipped)
        for record in project.series():
            expected = VALUES[::-1] if "twin" in record.files[0].parts else VALUES
            assert np.array_equal(read_volume(record).hu, expected)


def test_values_of_a_refused_header_are_spoken_of(tmp_path: Path) -> None:
    written(tmp_path / "a.mhd")
    (tmp_path / "a.raw").write_bytes(b"short")
    with Project.create(tmp_path / "project") as project:
        report = import_paths(project, [tmp_path / "a.mhd", tmp_path / "a.raw"])
    assert not report.series
    reasons = {s.path.name: s.reason for s in report.skipped}
    assert "claims" in reasons["a.mhd"] and "values of a.mhd" in reasons["a.raw"]


def test_dicom_under_the_name_of_an_image_is_dicom(tmp_path: Path) -> None:
    from tests.core.dicom.make import write_series  # noqa: PLC0415 - for this test alone

    for number, path in enumerate(write_series(tmp_path / "in", 3)):
        path.rename(path.with_name(f"IM{number}.hdr"))
    with Project.create(tmp_path / "project") as project:
        (record,) = import_paths(project, [tmp_path / "in"]).series
        assert record.source == "dicom" and record.geometry.shape[0] == 3
    assert read_loose(tmp_path / "in" / "IM0.hdr").hu.shape[0] == 1


def test_an_image_hides_no_dicom(tmp_path: Path) -> None:
    """A header that calls a DICOM file its values does not keep that file from being read."""
    from tests.core.dicom.make import write_series  # noqa: PLC0415 - for this test alone

    slices = write_series(tmp_path / "in", 3)
    written(tmp_path / "in" / "a.mhd")
    text = (tmp_path / "in" / "a.mhd").read_text().replace("a.raw", slices[0].name)
    (tmp_path / "in" / "a.mhd").write_text(text)
    with Project.create(tmp_path / "project") as project:
        report = import_paths(project, [tmp_path / "in"])
        (series,) = [r for r in report.series if r.source == "dicom"]
        assert set(series.files) == set(slices)


@pytest.mark.parametrize(
    "name", ["患者一.nii.gz", "Ωμέγα_mask.nrrd", "имя с пробелом.mha", "مريض.mgz"]
)
def test_names_in_any_script(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name)
    with Project.create(tmp_path / "project") as project:
        (record,) = import_paths(project, [path]).series
        assert np.array_equal(read_volume(project.record(record.series_uid)).hu, VALUES)
        assert record.patient_id and record.description == name


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe folder"))
    folder.mkdir()
    path = folder / os.fsdecode(b"\xe4ltere.nrrd")  # Latin-1
    written(tmp_path / "plain.nrrd").rename(path)
    bad = folder / os.fsdecode(b"\xff.nrrd")
    bad.write_bytes(b"rubbish")
    with Project.create(tmp_path / "project") as project:
        report = import_paths(project, [folder])
        (record,) = project.series()
        assert record.files == (path,)
        assert np.array_equal(read_volume(record).hu, VALUES)
        assert record.patient_id == "=E4ltere"  # told apart from every other such name
        for text in (record.description, *(s.reason for s in report.skipped)):
            text.encode("utf-8")


def test_masks_may_lie_too(tmp_path: Path) -> None:
    path = written(tmp_path / "m.seg.nrrd")
    with pytest.raises(FileRefusedError, match="no label map"):
        read_mask(path)
    layers = np.zeros((3, 4, 5, 2), np.uint8)
    layers[..., 1] = 1
    body = gzip.compress(layers.tobytes())
    head = (
        "NRRD0004\ntype: uchar\ndimension: 4\nsizes: 2 5 4 3\nencoding: gzip\n"
        "space: left-posterior-superior\nkinds: list domain domain domain\n"
        "space directions: none (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n"
    )
    fields = "".join(
        f"Segment{n}_Name:=S{n}\nSegment{n}_Layer:={99999999999 + n}\nSegment{n}_LabelValue:=-{n}\n"
        for n in range(3)
    )
    path.write_bytes((head + fields + "\n").encode() + body)
    labels, _, names = read_mask(path)
    assert labels.shape == (3, 4, 5) and set(names) == {1, 2, 3}
    path.write_bytes((head + "\n").encode() + body)
    with pytest.raises(FileRefusedError, match="no list of segments"):
        read_mask(path)
