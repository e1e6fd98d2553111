"""What names tell, and what they must not be taken to tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.labels.schema import LabelSchema
from core.project.naming import case_name, class_name, is_tumour, says_mask, value_names


@pytest.mark.parametrize(
    "name", ["GTV", "gtv_1", "GTV_Mass_CT", "Tumor", "liver tumour", "Lesion-3", "mass", "GTVp1"]
)
def test_names_of_tumours(name: str) -> None:
    assert is_tumour(name)
    assert class_name(name, LabelSchema.default()) == "Tumour"


@pytest.mark.parametrize(
    "name", ["PTV", "CTV GTV+5mm", "Liver", "massif", "Tumour necrosis", "no tumour", "Metal"]
)
def test_names_that_are_no_tumour(name: str) -> None:
    assert not is_tumour(name)


def test_classes_of_the_project_come_first_and_names_are_made_fit() -> None:
    schema, _ = LabelSchema.default().with_class("GTV margin")
    assert class_name("gtv MARGIN", schema) == "GTV margin"
    assert class_name("  Left\tkidney ", schema) == "Left kidney"
    assert class_name("x" * 100, schema) == "x" * 64
    assert class_name("\n", schema) == "Unnamed"


@pytest.mark.parametrize(
    ("path", "case"),
    [
        ("a/STS_002_image.nii.gz", "STS_002"),
        ("a/STS_002_mask.nii.gz", "STS_002"),
        ("imagesTr/liver_12_0000.nii.gz", "12"),
        ("labelsTr/liver_12.nii.gz", "12"),
        ("s0007/ct.nii.gz", "s0007"),
        ("a/case-5_liver_seg.seg.nrrd", "case-5"),
        ("a/患者一_image.nii.gz", "患者一"),
        ("a/患者一_mask.nii.gz", "患者一"),
        ("a/患者二_mask.nii.gz", "患者二"),
        ("a/Müller-3 ct.mha", "Müller-3"),
        ("a/Mu\u0308ller-3 seg.mha", "Müller-3"),  # as macOS writes it
        ("a/राज_ct.nii.gz", "राज"),
        ("a/\udce4_ct.nii.gz", "=E4"),  # bytes that are no text are told apart, too
        ("\udcf6/ct.nii.gz", "=F6"),
    ],
)
def test_image_and_mask_of_a_case_share_its_name(path: str, case: str) -> None:
    assert case_name(Path(path)) == case


def test_masks_are_told_by_file_or_folder() -> None:
    assert says_mask(Path("a/b_seg.nii")) and says_mask(Path("labelsTr/b.nii"))
    assert not says_mask(Path("a/segmented_liver.nii")) and not says_mask(Path("images/b.nii"))


def test_values_without_names(tmp_path: Path) -> None:
    default = LabelSchema.default()
    plain = tmp_path / "labelsTr" / "x_mask.nii.gz"
    assert value_names(plain, [1], default) == {1: "Tumour"}
    assert value_names(plain.with_name("x_left_kidney.nii"), [1], default) == {1: "Left kidney"}
    # A stranger's 1 and 2 are not our tumour and organ.
    assert value_names(plain, [1, 2], default) == {1: "Label 1", 2: "Label 2"}
    own, _ = default.with_class("Cyst")
    assert value_names(plain, [1, 5], own) == {1: "Tumour", 5: "Cyst"}
    assert value_names(plain, [1, 9], own) == {1: "Label 1", 9: "Label 9"}


@pytest.mark.parametrize(
    "labels", [{"background": 0, "kidney": 1, "tumor": 2}, {"1": "kidney", "2": "tumor"}]
)
def test_names_of_a_dataset_are_used(tmp_path: Path, labels: dict[str, object]) -> None:
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    path = tmp_path / "labelsTr" / "case.nii.gz"
    assert value_names(path, [1, 2], LabelSchema.default()) == {1: "kidney", 2: "tumor"}
    (tmp_path / "dataset.json").write_text("{damaged")
    assert value_names(path, [1, 2], LabelSchema.default())[1] == "Label 1"
