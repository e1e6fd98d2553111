"""Background jobs: threads, progress, cancelling, the two kinds of error, shutdown."""

from __future__ import annotations

import threading
import time

import pytest

from core.errors import Cancelled, UserError
from gui.tasks import TaskPool


@pytest.fixture
def pool(qtbot):
    pool = TaskPool()
    yield pool
    assert pool.shutdown()


def _main() -> bool:
    return threading.current_thread() is threading.main_thread()


def test_work_off_the_window_result_on_it(qtbot, pool):
    seen = []

    def work(a, b):
        seen.append(("work", _main()))
        return a + b

    pool.run(work, 2, 3, on_done=lambda result: seen.append(("done", _main(), result)))
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert seen == [("work", False), ("done", True, 5)]
    assert pool.busy == 0


def test_what_the_user_can_mend_is_a_sentence(qtbot, pool):
    seen = []

    def work():
        raise UserError("scan.dcm cannot be used: it is empty.")

    pool.run(work, on_done=seen.append, on_error=seen.append)
    qtbot.waitUntil(lambda: seen != [])
    assert seen == ["scan.dcm cannot be used: it is empty."]


def test_a_bug_reaches_the_excepthook(qtbot, pool):
    def work():
        return 1 // 0

    with qtbot.captureExceptions() as caught:
        pool.run(work, on_done=pytest.fail, on_error=pytest.fail)
        qtbot.waitUntil(lambda: pool.busy == 0)
        qtbot.waitUntil(lambda: len(caught) == 1)
    assert caught[0][0] is ZeroDivisionError


def test_a_bug_leaves_nobody_waiting(qtbot, pool):
    seen = []

    def work():
        return 1 // 0

    with qtbot.captureExceptions() as caught:
        pool.run(work, on_done=pytest.fail, on_cancelled=lambda: seen.append(len(caught)))
        qtbot.waitUntil(lambda: len(caught) == 1)
    assert seen == [0]  # before the dialog, which stays until it is closed


def test_what_comes_afterwards_waits_for_the_jobs_of_now_alone(qtbot, pool):
    seen = []
    first, second = threading.Event(), threading.Event()
    pool.run(first.wait, 10, on_done=lambda _: seen.append("done"))
    pool.afterwards(lambda: seen.append("after"))
    pool.run(second.wait, 10)
    assert seen == []
    first.set()
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert pool.busy == 1
    second.set()
    qtbot.waitUntil(lambda: pool.busy == 0)
    pool.afterwards(lambda: seen.append("at once"))
    assert sorted(seen) == ["after", "at once", "done"]


def test_shutdown_does_what_waits(qtbot):
    pool, seen = TaskPool(), []
    pool.run(time.sleep, 0.05)
    pool.afterwards(lambda: seen.append("after"))
    assert pool.shutdown()
    assert seen == ["after"]


def test_only_the_newest_progress_is_delivered(qtbot, pool):
    seen = []
    ended = threading.Event()

    def work(progress):
        for i in range(5000):
            progress(i, 5000)
        ended.set()
        return "end"

    pool.run(work, on_progress=lambda done, total: seen.append(done), on_done=seen.append)
    ended.wait(5)  # the window is busy all the while
    qtbot.waitUntil(lambda: seen[-1:] == ["end"])
    assert seen == [4999, "end"]


def test_cancelled_jobs_deliver_nothing(qtbot, pool):
    seen = []
    go = threading.Event()

    def work(cancelled):
        go.set()
        while not cancelled():
            time.sleep(0.002)
        return "late"

    task = pool.run(work, on_done=seen.append, on_cancelled=lambda: seen.append("cancelled"))
    go.wait(5)
    task.cancel()
    qtbot.waitUntil(lambda: pool.busy == 0)
    assert seen == ["cancelled"]


def test_finish_early_delivers_the_partial_result(qtbot, pool):
    seen = []

    def work(cancelled):
        while not cancelled():
            time.sleep(0.002)
        return "half"

    pool.run(work, on_done=seen.append).finish_early()
    qtbot.waitUntil(lambda: seen == ["half"])


def test_cancelled_raised_inside_is_no_bug(qtbot, pool):
    seen = []

    def work():
        raise Cancelled

    pool.run(work, on_done=pytest.fail, on_cancelled=lambda: seen.append(1))
    qtbot.waitUntil(lambda: seen == [1])


def test_a_new_job_with_the_same_key_replaces_the_old(qtbot, pool):
    seen = []

    def work(name, cancelled):
        for _ in range(50):
            if cancelled():
                return name
            time.sleep(0.002)
        return name

    pool.run(work, "old", on_done=seen.append, key="preview")
    pool.run(work, "new", on_done=seen.append, key="preview")
    qtbot.waitUntil(lambda: pool.busy == 0)
    assert seen == ["new"]


def test_shutdown_waits_and_delivers_nothing_after(qtbot):
    pool = TaskPool()
    seen = []
    started = threading.Event()

    def work(cancelled):
        started.set()
        while not cancelled():
            time.sleep(0.002)
        seen.append("ended")
        return "result"

    pool.run(work, on_done=seen.append)
    assert started.wait(5)
    assert pool.shutdown()
    qtbot.wait(20)
    assert seen == ["ended"]
