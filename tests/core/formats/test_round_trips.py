"""Every image format against an independent reader: values, positions, and what is refused."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from core.errors import FileRefusedError
from core.geometry import Geometry
from core.images import read_geometry, read_image, read_mask, to_sitk

SIZE = (5, 4, 3)  # x, y, z
TURN = (0.0, -1.0, 0.0, 0.6, 0.0, -0.8, 0.8, 0.0, 0.6)
GRID = Geometry((3, 4, 5), (2.5, 0.7, 0.9), (-10.5, 20.25, 300.0), TURN)
LEFT_HANDED = Geometry(GRID.shape, GRID.spacing, GRID.origin, (1, 0, 0, 0, -1, 0, 0, 0, 1))


def values(dtype: str = "i2") -> np.ndarray:
    """[z, y, x], different in every voxel."""
    return (np.arange(60).reshape(GRID.shape) * 2 + 1).astype(dtype)


def affine(grid: Geometry = GRID) -> np.ndarray:
    """Index x, y, z to RAS mm, as nibabel wants it."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.affine


def xyz(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array.T)


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image, nib.Nifti1Pair, nib.Nifti2Pair])
@pytest.mark.parametrize("grid", [GRID, LEFT_HANDED])
@pytest.mark.parametrize("endian", "<>")
def test_nifti_of_every_kind(tmp_path: Path, kind: Any, grid: Geometry, endian: str) -> None:
    header = kind.header_class(endianness=endian)
    header.set_data_dtype(values().dtype.newbyteorder(endian))
    image = kind(xyz(values()), affine(grid), header)
    path = tmp_path / ("case.hdr" if "Pair" in kind.__name__ else "case.nii")
    nib.save(image, path)
    back = read_image(path)
    assert np.array_equal(back.hu, values())
    assert back.geometry.same_grid(grid, 1e-3) and not back.checks


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "f4", "f8", "i1", "u2", "u4", "i8", "u8"])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"])
def test_types_as_simpleitk_writes_them(tmp_path: Path, dtype: str, ending: str) -> None:
    path = tmp_path / f"case{ending}"
    image = to_sitk(values(dtype), GRID)
    sitk.WriteImage(image, str(path), useCompression=ending not in (".nii", ".mhd"))
    back = read_image(path)
    assert np.array_equal(back.hu, values())
    assert back.geometry.same_grid(GRID, 1e-3) and read_geometry(path).same_grid(GRID, 1e-3)


@pytest.mark.parametrize("ending", [".mgh", ".mgz"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "f4"])
def test_mgh(tmp_path: Path, ending: str, dtype: str) -> None:
    path = tmp_path / f"case{ending}"
    nib.save(nib.MGHImage(xyz(values(dtype)), affine()), path)
    back = read_image(path)
    assert np.array_equal(back.hu, values())
    assert back.geometry.same_grid(GRID, 1e-3)


def test_mgh_without_a_place_is_coronal_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "case.mgh"
    image = nib.MGHImage(xyz(values()), None)
    image.header["goodRASFlag"] = 0
    nib.save(image, path)
    back = read_image(path)
    assert [c.code for c in back.checks] == ["no-orientation"]
    # FreeSurfer's own default (setDirectionCosine, MRI_CORONAL): to the left, the feet, the front.
    assert back.geometry.direction == (1, 0, 0, 0, 0, -1, 0, -1, 0)
    assert np.allclose(back.geometry.index_to_mm((1.5, 2.0, 2.5)), 0)  # the middle, size / 2


def test_analyze_does_not_say_how_the_patient_lies(tmp_path: Path) -> None:
    path = tmp_path / "case.hdr"
    nib.save(nib.AnalyzeImage(xyz(values()), np.diag([-0.9, 0.7, 2.5, 1.0])), path)
    back = read_image(path)
    assert np.array_equal(back.hu, values())
    assert [c.code for c in back.checks] == ["no-orientation"]
    assert "left and right may be exchanged" in back.checks[0].message
    # The axes (not the origin, which the format does not have) are nibabel's.
    expected = np.diag([-1.0, -1.0, 1.0, 1.0]) @ nib.load(path).affine
    assert np.allclose(back.geometry.affine[:3, :3], expected[:3, :3])


@pytest.mark.parametrize(("slope", "inter"), [(2.0, -1024.0), (0.5, 0.0), (-1.0, 3.0)])
def test_nifti_rescale(tmp_path: Path, slope: float, inter: float) -> None:
    path = tmp_path / "case.nii.gz"
    image = nib.Nifti1Image(xyz(values()), affine())
    image.header.set_slope_inter(slope, inter)
    image.to_filename(path)
    # nibabel divides by the slope on writing; the file's own numbers are what counts.
    expected = np.rint(nib.load(path).get_fdata().T)
    assert np.array_equal(read_image(path).hu, expected)


def test_both_places_agree_or_the_scanners_is_used(tmp_path: Path) -> None:
    path = tmp_path / "case.nii"
    image = nib.Nifti1Image(xyz(values()), affine())
    image.set_qform(affine(), code=1)
    image.set_sform(affine(LEFT_HANDED), code=4)  # in a template
    nib.save(image, path)
    back = read_image(path)
    assert back.geometry.same_grid(GRID, 1e-3)
    assert [c.code for c in back.checks] == ["two-places"]
    theirs = sitk.ReadImage(str(path))
    assert np.allclose(theirs.GetDirection(), back.geometry.direction, atol=1e-5)


def test_sheared_place_is_refused_unless_there_is_another(tmp_path: Path) -> None:
    path = tmp_path / "case.nii"
    sheared = affine() @ np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    image = nib.Nifti1Image(xyz(values()), sheared)
    image.set_qform(None, code=0)
    nib.save(image, path)
    with pytest.raises(FileRefusedError, match=r"case\.nii .*orthonormal"):
        read_image(path)
    image.set_qform(affine(), code=1)
    nib.save(image, path)
    found = read_image(path)
    assert found.geometry.same_grid(GRID, 1e-3)
    assert [c.code for c in found.checks] == ["two-places"]
    assert "no grid of voxels" in found.checks[0].message


def test_no_place_at_all_is_said(tmp_path: Path) -> None:
    path = tmp_path / "case.nii"
    image = nib.Nifti1Image(xyz(values()), None)
    image.header.set_zooms((0.9, 0.7, 2.5))
    nib.save(image, path)
    back = read_image(path)
    assert [c.code for c in back.checks] == ["no-orientation"]
    assert np.allclose(back.geometry.spacing, (2.5, 0.7, 0.9))


def patched(path: Path, at: int, form: str, *numbers: float) -> Path:
    """A NIfTI-1 file of :func:`values` with some numbers of its header changed."""
    image = nib.Nifti1Image(xyz(values()), affine())
    nib.save(image, path)
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, at, *numbers)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("at", "form", "numbers", "cause"),
    [
        (40, "<8h", (4, 5, 4, 3, 2, 1, 1, 1), "not three dimensions|claims"),
        (40, "<8h", (3, 5, 4, -3, 1, 1, 1, 1), "no voxels"),
        (40, "<8h", (9, 5, 4, 3, 1, 1, 1, 1), "9 dimensions"),
        (40, "<8h", (3, 32767, 32767, 32767, 1, 1, 1, 1), "claims 32767"),
        (70, "<h", (128,), "several values a voxel"),
        (70, "<h", (1536,), "unusual type"),
        (72, "<h", (32,), "contradicts"),
        (108, "<f", (0.0,), "inside the header"),
        (108, "<f", (float("nan"),), "where its pixel data begin"),
        (108, "<f", (400.0,), "claims"),
        (112, "<2f", (float("inf"), 0.0), "not finite"),
        (112, "<2f", (1.0, float("nan")), "not finite"),
        (280, "<f", (float("nan"),), "an axis has no length"),
        (123, "<B", (7,), "unit of length"),
    ],
)
def test_what_a_nifti_header_may_not_say(
    tmp_path: Path, at: int, form: str, numbers: tuple[float, ...], cause: str
) -> None:
    path = patched(tmp_path / "case.nii", at, form, *numbers)
    with pytest.raises(FileRefusedError, match=rf"case\.nii .*({cause})"):
        read_image(path)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, special: float) -> None:
    array = values("f4")
    array[1, 2, 3] = special
    for ending in (".nii.gz", ".nrrd", ".mha"):
        path = tmp_path / f"case{ending}"
        sitk.WriteImage(to_sitk(array, GRID), str(path))
        with pytest.raises(FileRefusedError, match="not finite"):
            read_image(path)
        with pytest.raises(FileRefusedError, match="no label map"):
            read_mask(path)


def test_one_volume_of_four_dimensions_is_used(tmp_path: Path) -> None:
    one = nib.Nifti1Image(xyz(values())[..., None], affine())
    nib.save(one, tmp_path / "one.nii.gz")
    assert np.array_equal(read_image(tmp_path / "one.nii.gz").hu, values())
    two = nib.Nifti1Image(np.stack([xyz(values())] * 2, axis=-1), affine())
    nib.save(two, tmp_path / "two.nii.gz")
    with pytest.raises(FileRefusedError, match="5 × 4 × 3 × 2 voxels, not three"):
        read_image(tmp_path / "two.nii.gz")


def test_gzip_in_several_streams_and_its_check_sum(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(xyz(values()), affine()), tmp_path / "case.nii")
    plain = (tmp_path / "case.nii").read_bytes()
    path = tmp_path / "case.nii.gz"
    path.write_bytes(b"".join(gzip.compress(plain[i : i + 100]) for i in range(0, len(plain), 100)))
    assert np.array_equal(read_image(path).hu, values())
    whole = bytearray(gzip.compress(plain))
    whole[-6] ^= 1  # in the check sum
    path.write_bytes(whole)
    with pytest.raises(FileRefusedError, match="damaged"):
        read_image(path)
    path.write_bytes(gzip.compress(plain)[:-30])
    with pytest.raises(FileRefusedError, match="cut short"):
        read_image(path)
    path.write_bytes(plain)  # contents decide, not the name
    assert np.array_equal(read_image(path).hu, values())


NRRD = (
    "NRRD0004\ntype: short\ndimension: 3\nsizes: 5 4 3\nendian: little\nencoding: raw\n"
    "space: {space}\nspace directions: {vectors}\nspace origin: (1,2,3)\n{more}\n"
)


def nrrd(
    path: Path, space: str = "LPS", vectors: str = "(1,0,0) (0,1,0) (0,0,2)", more: str = ""
) -> Path:
    text = NRRD.format(space=space, vectors=vectors, more=more + "\n" if more else "")
    path.write_bytes(text.encode() + values().astype("<i2").tobytes())
    return path


@pytest.mark.parametrize(
    ("space", "signs"),
    [("RAS", (-1, -1, 1)), ("left-anterior-superior", (1, -1, 1)), ("LPS", (1, 1, 1))],
)
def test_spaces_of_nrrd_as_itk_reads_them(
    tmp_path: Path, space: str, signs: tuple[int, ...]
) -> None:
    names = {"RAS": "right-anterior-superior", "LPS": "left-posterior-superior"}
    path = nrrd(tmp_path / "a.nrrd", space=names.get(space, space))
    grid = read_image(path).geometry
    image = sitk.ReadImage(str(path))
    assert np.allclose(grid.direction, image.GetDirection())
    assert np.allclose(grid.origin, image.GetOrigin()) and np.allclose(
        grid.origin, np.multiply(signs, (1, 2, 3))
    )
    short = read_image(nrrd(tmp_path / "b.nrrd", space="RAS" if space == "RAS" else names[space])
                       if space != "left-anterior-superior" else path)  # fmt: skip
    assert short.geometry.same_grid(grid)


def test_space_without_a_patient_is_said(tmp_path: Path) -> None:
    back = read_image(nrrd(tmp_path / "a.nrrd", space="scanner-xyz"))
    assert [c.code for c in back.checks] == ["no-orientation"]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"vectors": "(1,0,0) (0,1,0)"}, "space directions"),
        ({"vectors": "(1,0,0) (0,1,0) (0,0,nan)"}, "grid is not usable"),
        ({"vectors": "(1,0,0) (0,1,0) (0,1,0)"}, "orthonormal"),
        ({"more": 'space units: "furlong" "furlong" "furlong"'}, "unit of length"),
        ({"more": "sizes: 5 4 300"}, "claims 5 × 4 × 300"),
        ({"more": "sizes: 5 4 99999999999999999999"}, "sizes"),
        ({"more": "dimension: 4"}, "dimension"),
        ({"more": "encoding: bzip2"}, "neither raw nor gzip"),
        ({"more": "type: block"}, "unusual type"),
        ({"more": "endian: middle"}, "endian"),
        ({"more": "line skip: 2"}, "leaves out lines"),
        ({"more": "kinds: domain domain list"}, "3 volumes"),
    ],
)
def test_what_an_nrrd_header_may_not_say(
    tmp_path: Path, change: dict[str, str], cause: str
) -> None:
    with pytest.raises(FileRefusedError, match=rf"a\.nrrd .*{cause}"):
        read_image(nrrd(tmp_path / "a.nrrd", **change))


def test_data_at_the_end_of_a_file(tmp_path: Path) -> None:
    path = nrrd(tmp_path / "a.nrrd", more="byte skip: -1")
    data = path.read_bytes()
    end = data.index(b"\n\n") + 2
    path.write_bytes(data[:end] + b"junk" * 7 + data[end:])
    assert np.array_equal(read_image(path).hu, values())


def meta(path: Path, name: str = "LOCAL", more: str = "", size: str = "5 4 3") -> Path:
    text = (
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\n{more}DimSize = {size}\n"
        "ElementSpacing = 0.9 0.7 2.5\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 1 2 3\n"
        f"ElementType = MET_SHORT\nElementDataFile = {name}\n"
    )
    body = values().astype("<i2").tobytes()
    path.write_bytes(text.encode() + (body if name == "LOCAL" else b""))
    if name not in ("LOCAL", "") and "/" not in name and "%" not in name and "LIST" not in name:
        path.with_name(name).write_bytes(body)
    return path


@pytest.mark.parametrize("name", ["../secret.raw", "/etc/hostname", "C:\\x.raw", "a/../../x", ""])
@pytest.mark.parametrize("ending", [".mhd", ".nhdr"])
def test_a_header_reads_no_file_outside_its_folder(tmp_path: Path, name: str, ending: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret.raw").write_bytes(bytes(120))
    path = folder / f"case{ending}"
    if ending == ".mhd":
        meta(path, name)
    else:
        nrrd(path, more=f"data file: {name}")
    with pytest.raises(FileRefusedError, match=rf"case\{ending} .*(outside|does not name)"):
        read_image(path)


def test_a_link_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret.raw").write_bytes(bytes(120))
    path = meta(folder / "case.mhd", "gone/x.raw")
    (folder / "gone").mkdir()
    try:
        (folder / "gone" / "x.raw").symlink_to(tmp_path / "secret.raw")
    except OSError:
        pytest.skip("links need a privilege on this machine")
    with pytest.raises(FileRefusedError, match="outside its own folder"):
        read_image(path)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"name": "gone/none.raw"}, r"none\.raw\) is missing"),
        ({"name": "slice%03d.raw"}, "several files"),
        ({"name": "LIST"}, "several files"),
        ({"size": "5 4"}, "damaged"),
        ({"size": "5 4 4"}, "claims 5 × 4 × 4"),
        ({"more": "BinaryData = False\n"}, "text"),
        ({"more": "ElementToIntensityFunctionSlope = 2\n"}, "rescale"),
        ({"more": "DistanceUnits = um\n"}, "millimetre"),
        ({"more": "HeaderSize = -9\n"}, "headersize"),
        ({"more": "ElementNumberOfChannels = 3\n"}, "claims"),
    ],
)
def test_what_a_metaimage_may_not_say(tmp_path: Path, change: dict[str, str], cause: str) -> None:
    with pytest.raises(FileRefusedError, match=rf"case\.mhd .*{cause}"):
        read_image(meta(tmp_path / "case.mhd", **{"name": "case.raw", **change}))


@pytest.mark.parametrize("name", ["LOCAL", "case.raw"])
def test_bytes_before_the_values_of_a_metaimage(tmp_path: Path, name: str) -> None:
    path = meta(tmp_path / "case.mhd", name, more="HeaderSize = 400\n")
    target = path if name == "LOCAL" else path.with_name(name)
    data = target.read_bytes()
    body = values().astype("<i2").tobytes()
    target.write_bytes(data[: -len(body)].ljust(400, b"#") + body)
    assert np.array_equal(read_image(path).hu, values())
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), values())


def test_metaimage_turned_as_itk_turns_it(tmp_path: Path) -> None:
    path = tmp_path / "case.mha"
    sitk.WriteImage(to_sitk(values(), GRID), str(path))
    assert read_image(path).geometry.same_grid(GRID, 1e-6)


def test_lone_headers_name_what_they_miss(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(xyz(values()), affine()), tmp_path / "case.hdr")
    (tmp_path / "case.img").unlink()
    with pytest.raises(FileRefusedError, match=r"case\.hdr .*\(case\.img\) is missing"):
        read_image(tmp_path / "case.hdr")
