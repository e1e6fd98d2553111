"""Any sequence of edits, undo, redo, save and kill gives the right map."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import FileRefusedError
from core.geometry import Geometry
from core.labels.edits import Edit, make_edit
from core.labels.history import History
from core.labels.schema import LabelSchema
from core.labels.store import (
    JOURNAL_FILE,
    NEWEST_REVISIONS,
    SPACED_REVISIONS,
    SPACING_SECONDS,
    LabelStore,
    superseded,
)

SHAPE = (4, 5, 6)
GEOMETRY = Geometry(SHAPE, (2.5, 0.7, 0.8), (-100.0, 20.5, 3.0), (0, 1, 0, 1, 0, 0, 0, 0, -1))
SCHEMA = LabelSchema.default()


def random_edit(labels: np.ndarray, seed: int) -> Edit | None:
    rng = np.random.default_rng(seed)
    low = [int(rng.integers(0, n)) for n in SHAPE]
    box = tuple((a, int(rng.integers(a + 1, n + 1))) for a, n in zip(low, SHAPE, strict=True))
    after = rng.integers(0, 4, [b - a for a, b in box]).astype(np.uint8)
    return make_edit(labels, box, after, f"Strich {seed}", 1)


actions = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), st.integers(0, 10_000)),
        st.tuples(st.sampled_from(["undo", "redo", "save", "kill", "late save"]), st.just(0)),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None)
@given(actions)
def test_any_sequence_survives_a_kill(
    tmp_path_factory: pytest.TempPathFactory, todo: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("label")
    store = LabelStore(folder, GEOMETRY, SCHEMA)
    labels, history = store.load(), History()
    snapshot, mark = labels.copy(), store.mark()
    for action, seed in todo:
        if action == "edit":
            edit = random_edit(labels, seed)
            if edit is not None:
                edit.apply(labels)
                history.push(edit)
                store.commit(edit)
        elif action in ("undo", "redo"):
            edit = history.undo(labels) if action == "undo" else history.redo(labels)
            if edit is not None:
                store.commit(edit)
        elif action == "save":
            store.save(labels)
            snapshot, mark = labels.copy(), store.mark()
        elif action == "late save":  # A worker saves a snapshot taken some edits ago.
            store.save(snapshot, mark)
            snapshot, mark = labels.copy(), store.mark()
        else:
            store = LabelStore(folder, GEOMETRY, SCHEMA)
            assert np.array_equal(store.load(), labels)
            history = History()
            snapshot, mark = labels.copy(), store.mark()
    assert np.array_equal(LabelStore(folder, GEOMETRY, SCHEMA).load(), labels)


def commit_some(store: LabelStore, count: int) -> np.ndarray:
    labels = store.load()
    seeds = iter(range(1000))
    while count:
        edit = random_edit(labels, next(seeds))
        if edit is not None:
            edit.apply(labels)
            store.commit(edit)
            count -= 1
    return labels


def test_a_kill_between_rename_and_clearing_the_journal_does_no_harm(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, GEOMETRY, SCHEMA)
    labels = commit_some(store, 5)
    journal = (tmp_path / JOURNAL_FILE).read_bytes()
    store.save(labels)
    assert not (tmp_path / JOURNAL_FILE).exists()
    (tmp_path / JOURNAL_FILE).write_bytes(journal)
    assert np.array_equal(LabelStore(tmp_path, GEOMETRY, SCHEMA).load(), labels)


def test_a_kill_while_saving_leaves_the_old_file(tmp_path: Path, monkeypatch) -> None:
    store = LabelStore(tmp_path, GEOMETRY, SCHEMA)
    labels = commit_some(store, 3)
    store.save(labels)
    more = commit_some(store, 2)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("core.labels.store.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        store.save(more)
    assert np.array_equal(LabelStore(tmp_path, GEOMETRY, SCHEMA).load(), more)


def test_another_process_reads_a_whole_state_while_this_one_saves(
    tmp_path: Path, monkeypatch
) -> None:
    window = LabelStore(tmp_path, GEOMETRY, SCHEMA)
    window.save(commit_some(window, 2))
    labels = commit_some(window, 3)
    reader = LabelStore(tmp_path, GEOMETRY, SCHEMA)
    replay = reader._journal.replay

    def saved_in_between(into: np.ndarray) -> int:
        if (tmp_path / JOURNAL_FILE).exists():
            window.save(labels)
        return replay(into)

    monkeypatch.setattr(reader._journal, "replay", saved_in_between)
    assert np.array_equal(reader.load(), labels)


def test_the_file_opens_elsewhere_with_names_and_place(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, GEOMETRY, SCHEMA)
    labels = commit_some(store, 3)
    store.save(labels)
    image = sitk.ReadImage(str(store.path))
    assert np.array_equal(sitk.GetArrayFromImage(image), labels)
    assert np.allclose(image.GetOrigin(), GEOMETRY.origin)
    assert np.allclose(image.GetDirection(), GEOMETRY.direction)
    assert np.allclose(image.GetSpacing(), GEOMETRY.spacing[::-1])
    assert image.GetMetaData("Segment0_Name") == "Tumour"
    assert image.GetMetaData("Segment0_LabelValue") == "1"


def test_files_of_another_grid_are_refused(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, GEOMETRY, SCHEMA)
    store.save(commit_some(store, 1))
    for other in (
        Geometry((4, 5, 7), GEOMETRY.spacing, GEOMETRY.origin, GEOMETRY.direction),
        Geometry(SHAPE, GEOMETRY.spacing, (0.0, 0.0, 0.0), GEOMETRY.direction),
    ):
        with pytest.raises(FileRefusedError, match=r"label\.seg\.nrrd"):
            LabelStore(tmp_path, other, SCHEMA).load()
    store.path.write_bytes(b"NRRD0004\nnonsense")
    with pytest.raises(FileRefusedError, match=r"has no end.*Restore it"):
        store.load()
    store.path.write_bytes(b"")
    with pytest.raises(FileRefusedError):
        store.load()


def test_the_hash_is_of_the_content_not_of_the_file(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, GEOMETRY, SCHEMA)
    assert not store.exists()
    labels = commit_some(store, 4)
    assert store.exists()
    before = store.content_hash()
    store.save(labels)
    store.save(labels)
    assert store.content_hash() == before
    edit = random_edit(labels, 99)
    assert edit is not None
    store.commit(edit)
    assert store.content_hash() != before


def test_old_revisions_are_kept_and_bounded(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, GEOMETRY, SCHEMA)
    first = commit_some(store, 2)
    store.save(first)
    for seed in range(20):
        store.save(commit_some(store, seed % 3))
    revisions = store.revisions()
    # Twenty saves within seconds: the newest ones, and the first as the spaced one.
    assert len(revisions) == NEWEST_REVISIONS + 1
    oldest = sitk.GetArrayFromImage(sitk.ReadImage(str(revisions[0])))
    assert np.array_equal(oldest, first)
    store.delete()
    assert not store.exists() and not store.revisions()


@given(st.lists(st.floats(0.1, 900.0), min_size=1, max_size=80))
def test_revisions_span_the_session(gaps: list[float]) -> None:
    kept: list[float] = []
    now = 0.0
    for gap in gaps:
        now += gap
        kept.append(now)
        gone = set(superseded(kept))
        kept = [t for i, t in enumerate(kept) if i not in gone]
        assert kept[-1] == now
        assert len(kept) <= NEWEST_REVISIONS + SPACED_REVISIONS
        older = kept[:-NEWEST_REVISIONS]
        assert all(b - a >= SPACING_SECONDS for a, b in pairwise(older))


def test_a_proposal_is_apart_from_the_label(tmp_path: Path) -> None:
    store = LabelStore(tmp_path, GEOMETRY, SCHEMA)
    labels = commit_some(store, 2)
    assert store.load_proposal() is None
    proposal = np.ones(SHAPE, dtype=np.uint8)
    store.save_proposal(proposal, {"model": "r06", "confidence": [0.9]})
    found = store.load_proposal()
    assert found is not None
    assert np.array_equal(found[0], proposal) and found[1]["model"] == "r06"
    assert np.array_equal(store.load(), labels)
    store.drop_proposal()
    assert store.load_proposal() is None
