"""Captions and labels from a folder's metadata: every kind, wherever it stands, however paths and encodings are written."""

from __future__ import annotations

import json

import pytest
from support.pictures import fill, labels_of, write_metadata

from ganzoo import data
from ganzoo.data.listing import list_folder

CAT = "猫 und Kätzchen"

pytestmark = pytest.mark.usefixtures("nothing_logged_before")


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("where", ["", "train/", "above train/"])
def test_every_kind_of_metadata_is_read_wherever_the_convention_puts_it(tmp_path, kind, where):
    below = "train/" if where else ""
    fill(tmp_path / below, [*(f"{i}.png" for i in range(12))])
    prefix = "train/" if where == "above train/" else ""
    rows = [{"file_name": f"{prefix}{i}.png", "text": f"{CAT}, {i}", "label": i % 3} for i in range(12)]
    write_metadata((tmp_path if prefix or not where else tmp_path / "train") / f"metadata.{kind}", rows)
    sets = [data.load(f"folder:{tmp_path}@8", split=s) for s in ("train", "test")]
    assert sum(map(len, sets)) == 12
    for d in sets:
        assert d.classes == ("0", "1", "2")
        for image, label, (text,) in zip(d.image, d.label, d.captions, strict=True):
            i = int(image[0, 0, 0])
            assert (text, d.classes[label]) == (f"{CAT}, {i}", str(i % 3))


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("split", ["", "train/"])
def test_metadata_of_captions_leave_the_classes_to_the_folders(tmp_path, kind, split):
    fill(tmp_path / split, [*(f"{c}/{i}.png" for c in (1, 2, 10) for i in range(4))])
    for c in (1, 2, 10):
        write_metadata(tmp_path / split / f"{c}/metadata.{kind}", [{"file_name": f"{i}.png", "text": f"{c}"} for i in range(4)])
    a = list_folder(tmp_path).entries
    for c in (1, 2, 10):
        (tmp_path / split / f"{c}/metadata.{kind}").unlink()
    rows = [{"file_name": f"{c}/{i}.png", "text": f"{c}"} for c in (1, 2, 10) for i in range(4)]
    write_metadata(tmp_path / split / f"metadata.{kind}", rows)
    b = list_folder(tmp_path).entries
    assert a == b
    assert len(a) == 12
    assert all((e.label,) == e.captions == (e.parts[-2],) for e in a)


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("cat/a.png", "cat\\a.png"),
        ("cat/a.png", "./cat/../cat/a.png"),
        ("cat/a.png", " cat/a.png "),
        ("caf\u00e9/a.png", "cafe\u0301/a.png"),
        ("cafe\u0301/a.png", "caf\u00e9/a.png"),
        ("cat/a b,c.png", "cat/a b,c.png"),
    ],
)
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_picture_is_found_however_its_path_is_spelt(tmp_path, file, named, kind):
    fill(tmp_path, [file])
    write_metadata(tmp_path / f"metadata.{kind}", [{"file_name": named, "text": "x", "label": " rose "}])
    (entry,) = list_folder(tmp_path).entries
    assert (entry.path, entry.label, entry.captions) == (tmp_path / file, "rose", ("x",))


def test_one_folder_of_pictures_is_no_class(tmp_path):
    fill(tmp_path, [*(f"images/{i}.png" for i in range(4))])
    write_metadata(tmp_path / "metadata.csv", [{"file_name": f"images/{i}.png", "text": "x"} for i in range(4)])
    assert {*labels_of(tmp_path).values()} == {""}


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("key", ["text", "label"])
def test_a_picture_without_text_or_label_is_passed_over_and_counted(tmp_path, kind, key, caplog):
    fill(tmp_path, [*(f"{i}.png" for i in range(20))])
    rows = [{"file_name": f"{i}.png", key: None if i in (3, 4) else str(i % 2)} for i in range(20)]
    write_metadata(tmp_path / f"metadata.{kind}", rows)
    d = [data.load(f"folder:{tmp_path}@8", split=s) for s in ("train", "test")]
    assert sum(map(len, d)) == 18
    assert {c for x in d for c in (x.classes if key == "label" else {t for ts in x.captions for t in ts})} == {"0", "1"}
    assert f"passed over: 2 without a {'caption' if key == 'text' else 'label'}" in caplog.text


def test_nothing_said_of_any_is_no_class_and_no_caption(tmp_path):
    fill(tmp_path, [*(f"{i}.png" for i in range(5))])
    rows = [{"file_name": f"{i}.png", "label": None, "text": float("nan")} for i in range(5)]
    write_metadata(tmp_path / "metadata.jsonl", rows)
    d = data.load(f"folder:{tmp_path}@8")
    assert (d.classes, d.captions) == (("",), ())


def test_the_captions_of_a_few_are_left_out_and_that_is_said(tmp_path, caplog):
    fill(tmp_path, [*(f"{i}.png" for i in range(10))])
    write_metadata(tmp_path / "metadata.csv", [{"file_name": f"{i}.png", "text": "x" * (i < 3)} for i in range(10)])
    d = data.load(f"folder:{tmp_path}@8")
    assert not d.captions
    assert "the captions are left out, since only 3 of 10 pictures have one" in caplog.text


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le with mark", "utf-16-be with mark", "crlf", "blank lines"]
)
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_text_in_every_marked_encoding_is_read_as_it_was_written(tmp_path, encoding, kind):
    fill(tmp_path, ["a.png", "b.png"])
    text = "rosé \u2028 \x85 猫 €"
    if kind == "jsonl":
        lines = [json.dumps({"file_name": f, "text": text}, ensure_ascii=False) for f in ("a.png", "b.png")]
    else:
        lines = ["file_name,text", f'a.png,"{text}"', f'b.png,"{text}"']
    end = {"crlf": "\r\n", "blank lines": "\n\n"}.get(encoding, "\n")
    raw = end.join(lines) + end
    if encoding.endswith("with mark"):
        raw, encoding = "\ufeff" + raw, encoding.split(" ")[0]
    elif encoding in ("crlf", "blank lines"):
        encoding = "utf-8"
    (tmp_path / f"metadata.{kind}").write_bytes(raw.encode(encoding))
    assert [e.captions for e in list_folder(tmp_path).entries] == [(text,), (text,)]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"metadata.jsonl": '{"file_name": "a.png", "text": "rosé"}'.encode("latin-1")}, "line 1: not UTF-8 text; save"),
        ({"metadata.csv": b"file_name,text\na.png,x\nb.png,ros\xe9"}, "line 3: not UTF-8 text; save the file as UTF-8"),
        ({"metadata.csv": b"file;text\na.png;x"}, "no column file_name; its columns are file;text"),
        ({"metadata.csv": b""}, "no column file_name; its columns are none"),
        ({"metadata.csv": b"file_name,text\n,x"}, "line 2: no file_name"),
        ({"metadata.csv": b"file_name,text\na.png,red, and round"}, "line 2: more values than columns; a text with a comma"),
        ({"metadata.csv": b'file_name,text\na.png,"red'}, "cannot be read .unexpected end of data"),
        ({"metadata.csv": b"file_name,text,file_name\na.png,red,b.png"}, "has two columns file_name; keep one"),
        ({"metadata.jsonl": b'{"file_name": "a.png", "text": {"de": "rot"}}'}, "line 1: text: .*rot.* is not a caption, nor a"),
        (
            {"metadata.jsonl": b'{"file_name": "a.png", "text": [["rot"]]}'},
            "line 1: text: .*rot.* is not a caption, nor a list",
        ),
        ({"metadata.parquet": b"no parquet"}, r"metadata.parquet: cannot be read \("),
        ({"metadata.jsonl": b"[1]"}, "line 1: not a JSON object"),
        ({"metadata.jsonl": b"[" * 100_000}, "line 1: not a JSON object"),
        ({"metadata.jsonl": b'{"file_name": 3}'}, "line 1: not a JSON object"),
        ({"metadata.jsonl": b'{"file_name": "a.png", "label": [1, 2]}'}, "line 1: label: .* is not one word or number"),
        (
            {"metadata.csv": b"version https://git-lfs.github.com/spec/v1\noid"},
            "a note of git-lfs; `git lfs pull` in the clone",
        ),
        ({"metadata.parquet": b"version https://git-lfs.github.com/spec/v1\noid"}, "a note of git-lfs; `git lfs pull`"),
        ({"metadata.jsonl": b"{}", "metadata.csv": b"file_name"}, "has several files of metadata; keep one"),
    ],
    ids=lambda x: None if isinstance(x, str) else " ".join(x),
)
def test_metadata_that_cannot_be_read_are_one_line(tmp_path, files, said):
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    with pytest.raises(ValueError, match=said) as error:
        list_folder(tmp_path)
    assert len(str(error.value).splitlines()) == 1


def test_parquet_without_its_package_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "metadata.parquet").write_bytes(b"x")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(ValueError, match=r"reading it needs pyarrow: `pip install pyarrow`, or save it as metadata\.csv"):
        list_folder(tmp_path)


def test_what_a_listed_picture_lacks_is_said_with_its_name(tmp_path):
    fill(tmp_path, ["train/a.png"])
    write_metadata(tmp_path / "train/metadata.csv", [{"file_name": "a.png"}, {"file_name": "gone.png"}])
    with pytest.raises(ValueError, match=r"gone\.png: not a picture that can be read \(No such file or directory\)"):
        data.load(f"folder:{tmp_path}@8")


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_what_is_not_read_of_the_metadata_is_said_once(tmp_path, kind, caplog):
    fill(tmp_path, [*(f"{i}.png" for i in range(12))])
    rows = [
        {"file_name": f"{i}.png", "Label": "x", "text": "", "caption": f"{i}" * 202, "width": 8, " ": ""} for i in range(12)
    ]
    write_metadata(tmp_path / f"metadata.{kind}", rows)
    for split in ("train", "test"):
        d = data.load(f"folder:{tmp_path}@8", split=split)
        assert (d.classes, {len(c) for c in d.captions}) == (("",), {1})
    assert [r.message.split(": ", 1)[1] for r in caplog.records] == [
        "metadata: not read: Label, width; what is read is file_name, text, caption, label",
        "the captions of 12 pictures are cut after 201 characters",
    ]
