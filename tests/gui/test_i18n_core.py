"""What core says, in the other language: figures and names stay, unknown sentences stay English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.data.nnunet import CHOICE
from core.data.plan import FIELDS, SECTIONS
from core.data.plan_words import describe, remarks
from core.data.planner import make_plan
from core.errors import UserError
from core.evaluation.bottleneck import Tally, _sentence
from core.events import RunState
from core.jobs.machines import Machine
from core.jobs.ssh import explain
from core.project.orders import Order
from core.training import hints
from core.training.hints import Divergence, Pass
from core.training.ladder import step_down
from core.training.schedule import Schedule
from gui import i18n
from tests.core.data.plans import tiny_plan
from tests.core.data.test_planner import CPU, SARCOMA

#: Names that are the same in every language.
_NAMES = re.compile(
    r"Residual U-Net 3D|DynUNet 3D|SegResNet 3D|SwinUNETR 3D|AdamW|fp32|bf16|fp16|mm|HU|GB|°|"
    r"LesionForge|nnU-Net"
)


@pytest.fixture(autouse=True)
def chinese(qapp) -> Iterator[None]:
    i18n.install("zh_CN")
    yield
    i18n.install("en")


def english_left(words: str) -> list[str]:
    """Runs of English words in the translation of ``words``: none but names."""
    told = i18n.sentence(words)
    return re.findall(r"[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}", told) + [words] * (told == words)


@pytest.mark.parametrize("spec", [*FIELDS, CHOICE], ids=lambda spec: spec.key)
def test_every_field_of_a_plan_is_named_and_explained(spec) -> None:
    known = i18n.catalogue("zh_CN")
    texts = [spec.label, spec.help, spec.unit, *(words for _, words in spec.choices)]
    assert [t for t in texts if t and t not in known and not _NAMES.fullmatch(t)] == []


def test_sections_and_rows_are_named() -> None:
    known = i18n.catalogue("zh_CN")
    rows = [name for _, part in describe(tiny_plan()) for name, _, _ in part]
    assert [name for name in (*SECTIONS, *rows) if name not in known] == []


def verdicts() -> list[str]:
    tally = Tally(seconds=90, wait=9, read_back=9, own=30, own_seconds=90, validation=10,
                  samples=10, busy=5, clocks=10, clock=8)  # fmt: skip
    limits = ("network", "data", "read_back", "validation", "heat", "power", "small", "shared")
    return [_sentence(limit, tally, gpu, None) for limit in limits for gpu in (True, False)]


def curves() -> list[str]:
    passes = [Pass(n * 10, 0.9 - n * 0.1, 0.5 + n * 0.1) for n in range(6)]
    diverging, early = Divergence(), Divergence()
    for loss in [*[1.0] * 3, *[0.3] * 20]:
        diverging.reading(loss)
    said = [diverging.reading(1.5) for _ in range(30)] + [early.reading(1.0) for _ in range(3)]
    said += [early.reading(2.0) for _ in range(30)]
    return [
        hints.overfitting(passes),
        *dict.fromkeys(filter(None, said)),
        hints.disagreement("P7", 0.1, 0.8),
        hints.patience_lost({"dice": 0.8, "step": 90.0}, 1),
        hints.patience_lost({"dice": 0.8, "step": 90.0}, 12),
    ]


def memory() -> list[str]:
    plan = wanted = tiny_plan(batch=2, patch=(32, 32, 32))
    said: list[str] = []
    with pytest.raises(UserError) as end:
        while True:
            plan, sentence = step_down(plan, wanted, [])
            said.append(f"The memory of cuda:0 ran out. {sentence}")
    return [*said, end.value.sentence]


def lengths() -> list[str]:
    said = []
    for plan in (tiny_plan(epochs=None, budget_minutes=10.0), tiny_plan(epochs=10)):
        schedule = Schedule(plan)
        said.append(schedule.obey(Order("extend", 5), 1, 1.0))
        schedule.ended = True
        said.append(schedule.obey(Order("extend", 5), 10, 1.0))
    return said


def links() -> list[str]:
    words = (
        "Could not resolve", "Connection refused", "timed out", "No route to host",
        "REMOTE HOST IDENTIFICATION HAS CHANGED", "Host key verification failed",
        "Permission denied", "No module named core", "unknown option: -P", "",
    )  # fmt: skip
    box = Machine(name="gpu-box", host="me@box")
    return [explain(box, 255, one).sentence for one in words] + [explain(box, 127, "").sentence]


def plans() -> list[str]:
    few = replace(SARCOMA, cases_train=1), replace(SARCOMA, cases_val=0)
    said = remarks(replace(tiny_plan(), position=True))
    for figures in few:
        with pytest.raises(UserError) as refused:
            make_plan(figures, [CPU], minutes=10)
        said.append(refused.value.sentence)
    return said


@pytest.mark.parametrize("source", [verdicts, curves, memory, lengths, links, plans])
def test_sentences_are_translated_with_their_figures(source) -> None:
    said = source()
    assert len(said) > 1
    for words in said:
        assert english_left(words) == [], words
        figures = sorted(re.findall(r"\d+(?:\.\d+)?", words))
        kept = sorted(re.findall(r"\d+(?:\.\d+)?", i18n.sentence(words)))
        assert kept == figures, words


def test_states_of_a_run_are_words_of_the_window() -> None:
    for state in RunState.__args__:
        assert i18n.sentence(state.capitalize()) != state.capitalize()


def test_what_nobody_translated_stays_as_it_is() -> None:
    words = "Something new went wrong at step 3. Look at it."
    assert i18n.sentence(words) == words
    assert i18n.sentence(f"Resumed from step 3. {words}") == f"从第 3 步继续。{words}"
    i18n.install("en")
    assert i18n.sentence("Resumed from step 3.") == "Resumed from step 3."
