"""Labels as parts of file names, and the file names of a folder."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exengine_ome_tiff.coordinates.file_names import file_label
from exengine_ome_tiff.dataset.location import Location

MAX_NAME_BYTES = 255
RESERVED = '<>:"/\\|?*\x00\x1f\n\x7f'
LABELS = st.integers() | st.text(st.characters(exclude_categories=()))


def names_of(labels, folder="run"):
    target = Location.of(f"/data/{folder}")
    paths = [target.file() if label is None else target.file(label) for label in labels]
    assert all(path.parent == target.path for path in paths)
    return [path.name for path in paths]


@pytest.mark.parametrize(
    "label", ["Pos0", "A1", "1-Pos_000_001", "Zelle µm", "細胞", "🔬", "a b", "-1", "é", "x" * 120]
)
def test_valid_labels_are_unchanged(label):
    assert file_label(label) == label


@pytest.mark.parametrize(("label", "name"), [(0, "0"), (12, "12"), (-3, "-3")])
def test_integers_become_text(label, name):
    assert file_label(label) == name


@pytest.mark.parametrize("character", [*RESERVED, chr(0xD800), chr(0xDFFF)], ids=ascii)
def test_reserved_characters_are_replaced_and_marked(character):
    label = file_label(f"a{character}b")
    assert label.startswith("a_b-")
    assert len(label) == len("a_b-") + 8


@pytest.mark.parametrize(
    "label", ["", ".", "..", "...", " ", "../..", "/", "\\", "a/../b", "..\\x", "C:", "a.", " a"]
)
def test_no_label_escapes_the_folder(label):
    name = file_label(label)
    assert name not in ("", ".", "..")
    assert not set(name) & set("/\\")
    assert name == name.strip(" .")
    assert name != label


@pytest.mark.parametrize(
    "label", ["x" * 300, "é" * 300, "細" * 300, "🔬" * 300, "../" * 100, "x" * 119 + "é"]
)
def test_long_labels_are_cut_between_characters(label):
    name = file_label(label)
    assert len(name.encode()) <= 129
    assert name.rpartition("-")[0]
    assert file_label(label + "y") != name


@pytest.mark.parametrize(
    "labels",
    [
        ("a", "A"),
        ("straße", "STRASSE"),
        (1, "1"),
        ("a/b", "a:b", "a_b"),
        ("", " ", "."),
        ("é", "e\u0301"),
        ("x" * 300, "x" * 301),
        ("\ud800", "\ud801", "_"),
    ],
    ids=ascii,
)
def test_different_labels_have_different_case_insensitive_names(labels):
    for order in (labels, labels[::-1]):
        names = names_of(order)
        assert len({unicodedata.normalize("NFC", name).casefold() for name in names}) == len(labels)


@pytest.mark.parametrize(
    "labels",
    [(file_label("a/b"), "a/b"), ("A", file_label("a", {"a"}), "a"), (file_label("1", {"1"}), 1, "1")],
    ids=ascii,
)
def test_a_label_that_looks_like_a_marked_one_keeps_its_own_name(labels):
    names = names_of(labels)
    assert len({name.casefold() for name in names}) == len(labels)


def test_a_label_always_has_the_same_name():
    target = Location.of("/data/run")
    places = [("a",), ("A",), (1,), ("1",), ()]
    first = [target.file(*place) for place in places]
    assert first == [target.file(*place) for place in places]
    assert len(set(first)) == 5


def test_a_frame_without_position_has_the_name_of_the_folder():
    assert names_of([None, "None", 0]) == ["run.ome.tiff", "run_None.ome.tiff", "run_0.ome.tiff"]


@given(LABELS)
@example("../../etc/passwd")
@example("CON")
@example("a\u202eb")
def test_any_label_is_part_of_a_file_name(label):
    name = file_label(label)
    assert 1 <= len(name.encode()) <= 129
    assert not set(name) & set(RESERVED)
    assert name == name.strip(" .")
    assert unicodedata.normalize("NFC", name) == name


@given(
    st.lists(LABELS, unique_by=lambda label: (type(label), label)),
    st.text("aé細🔬", min_size=1, max_size=255),
)
def test_any_labels_make_different_files(labels, folder):
    names = names_of(labels, folder)
    assert len({unicodedata.normalize("NFC", name).casefold() for name in names}) == len(labels)
    for name in names:
        assert len(name.encode()) <= MAX_NAME_BYTES
        assert "/" not in name
        assert name.endswith(".ome.tiff")


@given(LABELS, st.sets(st.text("aA", min_size=1, max_size=2)))
def test_names_in_use_are_avoided(label, taken):
    folded = {name.casefold() for name in taken}
    assert file_label(label, folded).casefold() not in folded


@pytest.mark.parametrize(
    ("path", "is_folder", "name"),
    [
        ("run.ome.tiff", False, "run"),
        ("run.OME.TIF", False, "run"),
        ("run.tif", False, "run"),
        ("run.tf8", False, "run"),
        ("my.run.ome.tiff", False, "my.run"),
        ("run", True, "run"),
        ("run/", True, "run"),
        ("run.v2", True, "run.v2"),
        ("run.tiff.d", True, "run.tiff.d"),
    ],
)
def test_the_suffix_decides_between_file_and_folder(path, is_folder, name):
    target = Location.of(path)
    assert (target.is_folder, target.name) == (is_folder, name)
    assert target.path.is_absolute()


def test_a_long_folder_name_leaves_room_for_labels_and_suffixes():
    target = Location.of("/data/" + "é" * 120)
    for path in (target.file("x" * 300), target.file("細" * 300), target.companion):
        assert len(path.name.encode()) <= MAX_NAME_BYTES
