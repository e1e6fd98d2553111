"""Results on disk and as reports."""

import csv
import json
import math
from pathlib import Path

import pytest

from core.errors import FileRefusedError, UserError
from core.evaluation.metrics import CaseMetrics
from core.evaluation.report import NOTICE, percent, show, warnings, write
from core.evaluation.result import CaseEvaluation, EvaluationResult, load_all, result_path


def case(patient: str, **changes: float) -> CaseEvaluation:
    values = {
        "dice": 0.8, "hd95_mm": 5.0, "reference_ml": 10.0, "predicted_ml": 11.0,
        "lesions": 2, "lesions_found": 2, "false_lesions": 0,
    }  # fmt: skip
    return CaseEvaluation(
        series_uid=f"2.25.{patient}",
        patient_id=patient,
        metrics=CaseMetrics(**(values | changes)),
        preview=f"previews/{patient}.png",
    )


RESULT = EvaluationResult(
    run_id="r06",
    split="test",
    run_name="Residual U-Net",
    cases=(
        case("LF-1"),
        case("=SUM(1)", dice=0.5, hd95_mm=math.nan, lesions_found=1),
        case("<b>", dice=math.nan),
    ),
)


def test_a_result_comes_back_from_disk(tmp_path: Path) -> None:
    path = result_path(tmp_path / "r06", "test")
    RESULT.save(path)
    assert path.name == "evaluation_test.json"
    text = path.read_text(encoding="utf-8")
    assert "NaN" not in text
    assert json.loads(text)["summary"]["dice_mean"] == pytest.approx(0.65)
    back = EvaluationResult.load(path)
    assert back.as_json() == RESULT.as_json()
    assert math.isnan(back.cases[2].metrics.dice)
    assert [c.patient_id for c in back.worst_first()] == ["=SUM(1)", "LF-1", "<b>"]
    assert [r.run_id for r in load_all([tmp_path / "r06", tmp_path / "r07"], "test")] == ["r06"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"format": 99}', "[" * 100_000, '{"format":1,"cases":3}']
)
def test_what_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    path = result_path(tmp_path, "val")
    path.write_text(text)
    with pytest.raises(FileRefusedError, match=r"evaluation_val\.json"):
        EvaluationResult.load(path)


def test_what_needs_a_look() -> None:
    assert warnings(case("a").metrics) == frozenset()
    assert warnings(case("a", dice=0.69).metrics) == {"dice"}
    assert warnings(case("a", hd95_mm=10.1).metrics) == {"hd95"}
    assert warnings(case("a", predicted_ml=8.4).metrics) == {"volume"}
    assert warnings(case("a", lesions_found=1).metrics) == {"lesions"}
    assert warnings(case("a", dice=math.nan, hd95_mm=math.nan).metrics) == frozenset()


def test_a_table_for_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    assert write(path, [RESULT]) == path.stat().st_size
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["patient"] for row in rows] == ["'=SUM(1)", "LF-1", "<b>"]
    assert rows[0]["hd95_mm"] == "" and rows[1]["dice"] == "0.8"


def test_a_page_with_its_pictures(tmp_path: Path) -> None:
    run = tmp_path / "r06"
    (run / "previews").mkdir(parents=True)
    (run / "previews" / "LF-1.png").write_bytes(b"\x89PNG picture")
    (tmp_path / "secret.png").write_bytes(b"elsewhere")
    stray = case("LF-9")
    stray = CaseEvaluation(
        series_uid="9", patient_id="LF-9", metrics=stray.metrics, preview="../secret.png"
    )
    result = EvaluationResult(run_id="r06", split="test", cases=(*RESULT.cases, stray))
    write(tmp_path / "report.html", [result], [run], project="Liver <2024>")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert NOTICE in page and "Liver &lt;2024&gt;" in page and "<b>" not in page
    assert page.count("data:image/png") == 1
    assert 'class="amber">0.50<' in page
    with pytest.raises(UserError, match=r"\.html or \.csv"):
        write(tmp_path / "report.pdf", [result])


def test_figures() -> None:
    assert [percent(v) for v in (0.19, -0.31, 0.001, math.nan)] == ["+19 %", "−31 %", "0 %", "–"]
    assert percent(0.015, 1) == "+1.5 %"
    assert show(math.nan, 2) == "–" and show(0.5, 2) == "0.50"
