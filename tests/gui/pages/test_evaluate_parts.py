"""The parts of the Evaluate page: table, cards, worst cases, devices, plots."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from core.evaluation.metrics import CaseMetrics
from core.evaluation.result import CaseEvaluation, EvaluationResult
from core.evaluation.usage import DeviceUse, duration
from gui.pages import evaluate_prices
from gui.pages.evaluate_data import Comparison, RunView, compare
from gui.pages.evaluate_devices import DeviceComparison, factor
from gui.pages.evaluate_parts import WorstCases, difference
from gui.pages.evaluate_prices import Prices
from gui.pages.evaluate_view import MAX_RUNS, EvaluateView


def case(patient: str, dice: float, **changes: float) -> CaseEvaluation:
    values = {
        "hd95_mm": 5.0, "reference_ml": 10.0, "predicted_ml": 11.0, "lesions": 3,
        "lesions_found": 3, "false_lesions": 0,
    }  # fmt: skip
    return CaseEvaluation(
        series_uid=f"uid-{patient}",
        patient_id=patient,
        metrics=CaseMetrics(dice=dice, **(values | changes)),
        preview=f"{patient}.png",
    )


def run(run_id: str, shift: float = 0.0, folder: Path = Path(), **changes: object) -> RunView:
    cases = (
        case("LF-1", 0.8 + shift),
        case("LF-2", 0.5 + shift, hd95_mm=math.nan, lesions_found=1, predicted_ml=5.0),
        case("LF-3", 0.9 + shift, hd95_mm=3.0 - 10 * shift),
    )
    values = {
        "id": run_id, "name": "U-Net", "path": folder, "state": "done", "plan": {"network": "u"},
        "result": EvaluationResult(run_id=run_id, split="test", cases=cases),
    }  # fmt: skip
    return RunView(**(values | changes))


def use(gpu: bool, rate: float = 1.0, seconds: float = 3600.0, **changes: object) -> DeviceUse:
    values = {
        "device_name": "H100" if gpu else "16 cores", "is_gpu": gpu, "seconds": seconds,
        "projected": False, "epochs_done": 10.0, "epochs": 10.0, "utilisation": 0.9,
        "patches_per_second": rate,
    }  # fmt: skip
    return DeviceUse(**(values | changes))


def shown(*runs: RunView) -> list:
    return [(r, r.result) for r in runs]


NO_DEVICES = Comparison(None, None, same_work=False)


@pytest.fixture
def view(qtbot: QtBot) -> EvaluateView:
    widget = EvaluateView()
    qtbot.addWidget(widget)
    widget.resize(1528, 900)
    widget.show()
    return widget


def test_the_table_is_worst_first_and_opens_a_case(view: EvaluateView, qtbot: QtBot) -> None:
    view.show_evaluation(shown(run("r06")), "r06", NO_DEVICES)
    table = view.table
    texts = [
        [str(table.model.index(r, c).data()) for c in range(table.model.columnCount())]
        for r in range(table.model.rowCount())
    ]
    assert texts == [
        ["LF-2", "0.50", "–", "10.0", "−50 %", "1 of 3"],
        ["LF-1", "0.80", "5.0", "10.0", "+10 %", "3 of 3"],
        ["LF-3", "0.90", "3.0", "10.0", "+10 %", "3 of 3"],
    ]
    assert table.footer.cells() == ("Median", "0.80", "4.0", "10.0", "+10.0 %", "7 of 9")
    view.order.click()
    assert view.order.text() == "By patient"
    assert table.model.index(0, 0).data() == "LF-1"
    area = table.view.visualRect(table.model.index(1, 0)).center()
    qtbot.mouseClick(table.view.viewport(), Qt.MouseButton.LeftButton, pos=area)
    with qtbot.waitSignal(view.case_opened, timeout=1000) as opened:
        qtbot.mouseDClick(table.view.viewport(), Qt.MouseButton.LeftButton, pos=area)
    assert opened.args == ["uid-LF-2"]


def test_cards_compare_with_the_reference(view: EvaluateView, qtbot: QtBot) -> None:
    runs = [run("r05", -0.07), run("r06"), run("r07", 0.01, state="running")]
    view.show_evaluation(shown(*runs), "r06", NO_DEVICES)
    cards = [card for card in view.cards if card.isVisible()]
    assert [card.run_id for card in cards] == ["r05", "r06", "r07"]
    assert [card.numbers[0].text() for card in cards] == ["0.66", "0.73", "0.74"]
    assert [card.deltas[0].text() for card in cards] == ["−0.07", "", "+0.01"]
    assert [card.deltas[0].property("tone") for card in cards] == ["err", "t3", "ok"]
    # A larger distance is worse, whatever its sign looks like.
    assert (cards[0].deltas[1].text(), cards[0].deltas[1].property("tone")) == ("+0.3", "err")
    assert cards[2].deltas[2].text() == "±0"
    assert cards[1].reference and cards[2].pill.text() == "Running"
    with qtbot.waitSignal(view.reference_chosen, timeout=1000) as chosen:
        qtbot.mouseClick(cards[2], Qt.MouseButton.LeftButton)
    assert chosen.args == ["r07"]
    with qtbot.waitSignal(view.reference_chosen, timeout=1000) as chosen:
        qtbot.keyClick(cards[0], Qt.Key.Key_Return)
    assert chosen.args == ["r05"]


def test_the_box_takes_a_run_out_of_the_plot(view: EvaluateView) -> None:
    view.show_evaluation(shown(run("r05", -0.07), run("r06")), "r06", NO_DEVICES)

    def names() -> list[str]:
        return [tick.get_text() for tick in view.dice_plot.axes.get_xticklabels()]

    assert names() == ["r05", "r06"]
    view.cards[0].box.click()
    assert names() == ["r06"]
    view.cards[0].box.click()
    assert names() == ["r05", "r06"]


def test_at_most_four_runs_and_the_reference_is_among_them(view: EvaluateView) -> None:
    runs = [run(f"r{i:02}") for i in range(1, 8)]
    view.show_evaluation(shown(*runs), "r02", NO_DEVICES)
    ids = [card.run_id for card in view.cards if card.isVisible()]
    assert len(ids) == MAX_RUNS and ids == ["r02", "r05", "r06", "r07"]


def test_plots_draw_what_cannot_be_computed_nowhere(view: EvaluateView) -> None:
    nothing = EvaluationResult(
        run_id="r01",
        split="test",
        cases=(case("LF-1", math.nan, reference_ml=0.0, predicted_ml=0.0),),
    )
    missed = EvaluationResult(
        run_id="r02", split="test", cases=(case("LF-2", 0.0, predicted_ml=0.0),)
    )
    for result in (nothing, missed, EvaluationResult(run_id="r03", split="test", cases=())):
        view.show_evaluation([(run(result.run_id), result)], result.run_id, NO_DEVICES)
        view.dice_plot.draw()
        view.volume_plot.draw()
    assert view.dice_plot.axes.get_ylim()[1] == 1.0


def test_worst_cases_say_what_is_wrong(qtbot: QtBot, tmp_path: Path) -> None:
    QImage(30, 20, QImage.Format.Format_RGB32).save(str(tmp_path / "LF-2.png"))
    (tmp_path / "LF-1.png").write_bytes(b"no picture")
    worst = WorstCases()
    qtbot.addWidget(worst)
    worst.show()
    result = run("r06").result
    assert result is not None
    worst.show_cases(result.worst_first(), tmp_path)
    assert [c.isVisible() for c in worst.cases] == [True, True, True, False]
    assert worst.cases[0].patient.whole_text() == "LF-2"
    assert worst.cases[0].dice.property("tone") == "warn"
    assert worst.cases[0].reason.whole_text() == "2 of 3 lesions missed"
    assert worst.cases[1].reason.whole_text() == "HD95 5.0 mm"
    worst.grab()
    with qtbot.waitSignal(worst.clicked, timeout=1000) as clicked:
        qtbot.mouseClick(worst.cases[0].picture, Qt.MouseButton.LeftButton)
    assert clicked.args == ["uid-LF-2"]


def test_devices_are_compared_only_on_the_same_work() -> None:
    cpu = run("r01", use=use(False, 1.0, 36000.0))
    other = run("r02", use=use(False, 9.0), plan={"network": "other"})
    gpu = run("r03", use=use(True, 24.0, 1500.0))
    same = compare([cpu, other, gpu], "r03")
    assert same.same_work and same.cpu is not None and same.cpu.run_id == "r01"
    assert same.speed == 24.0
    assert same.costs(0.8, 3.2) == pytest.approx((8.0, 1500 / 3600 * 3.2))
    assert same.saving(0.8, 3.2) == pytest.approx(6.0)
    different = compare([other, gpu], "r03")
    assert different.cpu is not None and not different.same_work
    assert math.isnan(different.speed) and math.isnan(different.saving(1, 1))
    alone = compare([cpu], "r01")
    assert alone.gpu is None and math.isnan(alone.costs(1, 1)[1])
    assert compare([run("r09")], "r09") == NO_DEVICES


def test_prices_are_followed_at_once(qtbot: QtBot) -> None:
    panel = DeviceComparison()
    qtbot.addWidget(panel)
    panel.show()
    runs = [run("r01", use=use(False, 1.0, 36000.0)), run("r03", use=use(True, 24.0, 1500.0))]
    panel.show_comparison(compare(runs, "r03"))
    assert panel.cpu.time.text() == "10 h 00 min" and panel.gpu.time.text() == "25 min"
    assert panel.cpu.cost.text() == "$8.00"
    assert [n.text() for n in panel.verdict.numbers] == ["24.0×", "6.0×", "24.0 vs 1.0"]
    panel.gpu.price.selectAll()
    qtbot.keyClicks(panel.gpu.price, "40")
    assert panel.verdict.numbers[1].text() == "2.1×"
    assert panel.verdict.words[1].text() == "dearer on the GPU"
    with qtbot.waitSignal(panel.prices_changed, timeout=1000) as changed:
        qtbot.keyClick(panel.gpu.price, Qt.Key.Key_Return)
    assert changed.args == [Prices(0.8, 40.0)]
    panel.show_comparison(NO_DEVICES)
    assert [n.text() for n in panel.verdict.numbers] == ["–", "–", "–"]
    assert panel.cpu.time.text() == panel.cpu.cost.text() == "–"


def test_prices_are_kept_for_the_next_start(tmp_path: Path) -> None:
    assert evaluate_prices.load() == Prices()
    evaluate_prices.save(Prices(0.1, 2.0))
    assert evaluate_prices.load() == Prices(0.1, 2.0)
    for text in ("", "[]", '{"cpu": -1, "gpu": 1}', '{"cpu": NaN, "gpu": 1}', '{"cpu": "x"}'):
        (tmp_path / "config" / "prices.json").write_text(text)
        assert evaluate_prices.load() == Prices()


def test_a_projection_is_called_one(qtbot: QtBot) -> None:
    panel = DeviceComparison()
    qtbot.addWidget(panel)
    half = use(False, utilisation=math.nan, projected=True, epochs_done=3.0, epochs=300.0)
    panel.show_comparison(compare([run("r01", use=half)], "r01"))
    assert panel.cpu.time.text() == "≈ 1 h 00 min" and panel.cpu.use.text() == "–"
    assert "measured over 3 epochs and projected (≈) to 300" in panel.note.text()


def test_figures() -> None:
    assert difference(0.674, 0.806, 2) == "−0.14"
    assert difference(0.801, 0.799, 2) == "±0" and difference(math.nan, 0.5, 2) == ""
    assert [duration(s) for s in (40, 89, 90, 3600, 300_000, math.nan)] == [
        "40 s", "89 s", "2 min", "1 h 00 min", "83 h 20 min", "–",
    ]  # fmt: skip
    assert [factor(v) for v in (24.0, 0.5, math.nan, 0.0)] == ["24.0×", "2.0×", "–", "–"]
