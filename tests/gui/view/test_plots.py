from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from gui.view.plots import DicePlot, EpochPlot, LossPlot, loss_top


@pytest.fixture
def loss(qtbot: QtBot) -> Iterator[LossPlot]:
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.resize(500, 220)
    with qtbot.waitExposed(plot):
        plot.show()
    plot.show_curves(([1, 2], [0.9, 0.8]), ([1], [0.95]), 100)
    settle(qtbot, plot)
    yield plot


def settle(qtbot: QtBot, plot: EpochPlot) -> None:
    qtbot.waitUntil(lambda: not plot._wait.isActive())


def pixels(plot: EpochPlot) -> np.ndarray:
    return np.asarray(plot.buffer_rgba())[..., :3].astype(int)


def test_new_points_redraw_the_lines_but_not_the_frame(qtbot: QtBot, loss: LossPlot) -> None:
    full, before = loss.full_draws, pixels(loss)
    for n in range(3, 8):
        loss.show_curves((list(range(1, n)), [0.9 - 0.05 * k for k in range(1, n)]), ([], []), 100)
        settle(qtbot, loss)
    assert loss.full_draws == full
    assert loss.line_draws >= 5
    assert np.abs(pixels(loss) - before).max() > 50


def test_at_most_four_redraws_a_second(qtbot: QtBot, loss: LossPlot) -> None:
    before, began = loss.line_draws, time.monotonic()
    for n in range(40):
        loss.show_curves(([1, 2 + n / 10], [0.9, 0.5]), ([], []), 100)
        qtbot.wait(20)  # 0.8 s in all, more on a busy machine
    assert 2 <= loss.line_draws - before <= 4 * (time.monotonic() - began) + 1


def test_the_blitted_picture_is_the_one_drawn_whole(qtbot: QtBot, loss: LossPlot) -> None:
    loss.show_curves(([1, 30, 60], [0.9, 0.5, 0.3]), ([1, 60], [0.95, 0.4]), 100)
    loss.show_now(60, "40 epochs to go")
    settle(qtbot, loss)
    blitted = pixels(loss)
    loss.draw()
    assert np.array_equal(pixels(loss), blitted)


def test_the_axis_spans_all_planned_epochs(loss: LossPlot) -> None:
    assert loss.axes.get_xlim() == (0, 100)
    # A budget's estimate wanders: the frame is left alone until it matters.
    loss.set_axes(97, loss.top)
    assert loss.axes.get_xlim() == (0, 100)
    loss.set_axes(101, loss.top)
    assert loss.axes.get_xlim() == (0, 101)
    loss.set_axes(60, loss.top)
    assert loss.axes.get_xlim() == (0, 60)


def test_words_in_the_empty_part_only_where_there_is_room(loss: LossPlot) -> None:
    loss.show_now(50, "50 epochs to go")
    assert loss._to_go.get_visible()
    assert loss._now.get_visible()
    loss.show_now(90, "10 epochs to go")
    assert not loss._to_go.get_visible()
    loss.show_now(math.nan, "")
    assert not loss._now.get_visible()


def test_another_size_keeps_the_lines(qtbot: QtBot, loss: LossPlot) -> None:
    full = loss.full_draws
    loss.resize(700, 300)
    qtbot.waitUntil(lambda: loss.full_draws > full)
    qtbot.wait(50)
    accent = np.abs(pixels(loss) - np.array([0x6C, 0xB0, 0xF6])).sum(-1) < 40
    assert accent.any()


def test_the_best_has_a_star_a_level_and_words(qtbot: QtBot) -> None:
    plot = DicePlot()
    qtbot.addWidget(plot)
    plot.resize(500, 220)
    with qtbot.waitExposed(plot):
        plot.show()
    plot.show_curves(([5, 10, 15], [0.5, 0.8, 0.7]), [0.5, 0.6, 0.65], 100, 1, "Best 0.800")
    settle(qtbot, plot)
    assert plot._star.get_xdata() == [10]
    assert list(plot._level.get_ydata()) == [0.8, 0.8]
    assert plot._box.get_text() == "Best 0.800"
    assert plot._box.get_ha() == "left"
    green = np.abs(pixels(plot) - np.array([0x54, 0xC6, 0x8F])).sum(-1) < 30
    assert green.sum() > 20
    plot.show_curves(([5, 90], [0.5, 0.8]), [0.5, 0.6], 100, 1, "Best 0.800")
    assert plot._box.get_ha() == "right"
    plot.show_curves(([], []), [], 100, None, "")
    assert not plot._star.get_visible()


@pytest.mark.parametrize(
    ("values", "top"),
    [([], 1.0), ([0.3], 0.4), ([1.05, 0.2], 1.2), ([500.0], 100.0), ([0.9] * 200 + [9.0], 1.0)],
)
def test_upper_end_of_the_loss_axis(values: list[float], top: float) -> None:
    assert loss_top(values) == top
