"""Data sets of the Hub: `hf:USER/NAME`, streamed once by Hugging Face `datasets`, then kept on disk and read by index.

hf:USER/NAME@64                           at 64 pixels: its image column; labels and captions where it has them
hf:USER/NAME,config=C,split=S,first=N@64  a configuration, a split to train on, its first N pictures
hf:USER/NAME,image=A,label=B@64           columns by name; `revision=` too
hf:DIR@64                                 a folder on this machine that `datasets` can read: parquet, tar, pictures

Training needs its pictures in an order that is a function of (seed, step), or a resume would not be exact; a stream
cannot give that. So the pictures are written once, at the side that was asked for, under ROOT/hf, and a set that was
kept needs no network and no package any more. The test split is the set's own, or every tenth picture.

Labels are a column of ClassLabel, or one called `label` of whole numbers or words; captions one called `text` or `caption`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ..images import square
from . import metadata
from .dataset import Data
from .folder import is_folder, side_of
from .pictures import reason
from .store import Pictures, cache_folder, keep, versions

OPTIONS = ("config", "split", "first", "image", "label", "revision")
SECONDS = 10  # that the Hub may stay silent
SYNTAX = "hf:USER/NAME, with ,config= ,split= ,first= ,image= ,label= ,revision= and @SIDE where they are needed"
LABELS, CAPTIONS = ("label", "labels", "class"), ("text", "caption")  # columns that are taken without being named
WORDS = ("string", "large_string")
Rows = Iterator[dict[str, Any]]


def hub_dataset(where: str, root: Path, split: str) -> Data:
    """The pictures of a set on the Hub, cut to the middle square and brought to SIDE pixels, in colour unless all are grey.

    ValueError if `datasets` is not installed, the Hub cannot be reached, there is no such set, or no pictures in it.
    """
    path, side, options = parse(where)
    local = Path(os.path.expanduser(path))
    name = f"hf:{local.resolve().name if local.is_dir() else path}{where.removeprefix(path)}"  # goes into the card: no path
    files = sorted(local.resolve().rglob("*")) if local.is_dir() else []
    folder = cache_folder(root / "hf", path, (where, versions(files))) / split
    return keep(folder, name, lambda: _open_stream(path, side, options, split))


def parse(where: str) -> tuple[str, int, dict[str, str]]:
    """USER/NAME,key=value,...@SIDE -> its parts. ValueError names what is wrong."""
    text, side = side_of("hf", where)
    path, *pairs = [text] if is_folder(text) else text.split(",")
    options = dict(pair.partition("=")[::2] for pair in pairs)
    wrong = next((k for k, v in options.items() if k not in OPTIONS or not v), None)
    if wrong is not None or not path:
        raise ValueError(f"hf:{where}: {wrong or path!r} is not understood; give {SYNTAX}")
    if not options.get("first", "1").isdecimal() or options.get("first") == "0":
        raise ValueError(f"hf:{where}: first={options['first']} is not a number of pictures")
    return path, side, options


def _open_stream(path: str, side: int, options: dict[str, str], split: str) -> tuple[Pictures, dict[str, Any]]:
    """Open the stream -> its pictures, and the facts of the set."""
    try:
        import datasets
    except ImportError:
        raise ValueError(f"hf:{path}: the package datasets is not installed; `pip install datasets` gets it") from None
    local = Path(os.path.expanduser(path))
    source, license, revision = (
        (f"a folder named {local.resolve().name}", "not stated", None) if local.is_dir() else _facts_on_hub(path, options)
    )
    try:
        where = str(local) if local.is_dir() else path
        splits = datasets.load_dataset(where, options.get("config"), revision=revision, streaming=True)
    except Exception as error:  # of any kind: the set decides what is run
        raise ValueError(f"hf:{path}: cannot be opened ({reason(error)})") from None
    train = options.get("split") or ("train" if "train" in splits else next(iter(splits)))
    if train not in splits:
        raise ValueError(f"hf:{path}: no split {train!r}; there are {', '.join(splits)}")
    test = next((s for s in ("test", "validation", "valid") if s in splits and s != train), None)
    first = int(options["first"]) if "first" in options else None
    stream = splits[test if test and split == "test" else train]
    image, label, text = _columns(path, stream.features or {}, options)
    if label and "label" not in options and {*getattr(stream.features[label], "names", ["?"])} <= {*splits}:
        label = None  # `datasets` takes the folders of the splits, train/ and test/, for classes, and then has no such column
    names, number = [""], None
    if label and isinstance(stream.features[label], datasets.ClassLabel):
        names = stream.features[label].names
    elif label:
        values = [islice(splits[s].select_columns([label]), first) for s in (train, test) if s]
        names = _class_names(path, (row[label] for rows in values for row in rows))
        number = {name: k for k, name in enumerate(names)}
    rows: Rows = islice(stream.select_columns([c for c in (image, label, text) if c]), first)
    if not test:
        rows = (row for i, row in enumerate(rows) if (i % 10 == 0) == (split == "test"))
    facts = {"title": local.resolve().name, "source": source, "license": license, "classes": names}
    return _pictures(path, rows, side, (image, label, text), number), facts


def _facts_on_hub(path: str, options: dict[str, str]) -> tuple[str, str, str]:
    """Source, licence and commit of a set on the Hub, within seconds; `datasets` itself would try for much longer."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        found = HfApi().dataset_info(path, revision=options.get("revision"), timeout=SECONDS)
    except (HFValidationError, RepositoryNotFoundError):
        raise ValueError(f"hf:{path}: no such set on the Hub (or one that needs `hf auth login`), and no such folder") from None
    except RevisionNotFoundError:
        raise ValueError(f"hf:{path}: no revision {options['revision']!r}") from None
    except Exception as error:  # the client's network errors have no base that is the same in all its versions
        raise ValueError(f"hf:{path}: the Hub cannot be reached ({reason(error)}), and the set was not kept before") from None
    license = getattr(found.card_data, "license", None) or "not stated"
    return f"https://huggingface.co/datasets/{path}, commit {str(found.sha)[:10]}", str(license), str(found.sha)


def _columns(path: str, features: dict[str, Any], options: dict[str, str]) -> tuple[str, str | None, str | None]:
    """Which column is the image, the label, the text. ValueError if none is an image, or one that is named cannot be."""
    import datasets

    def plain(feature: Any) -> bool:
        dtype = str(getattr(feature, "dtype", ""))
        return isinstance(feature, datasets.Value) and (dtype in (*WORDS, "bool") or "int" in dtype)

    def captions(feature: Any) -> bool:
        inner = getattr(feature, "feature", feature)  # of a list of captions
        return isinstance(inner, datasets.Value) and inner.dtype in WORDS

    def named(option: str, kind: str, fits: Any) -> str | None:
        column = options.get(option)
        if column and not fits(features.get(column)):
            raise ValueError(f"hf:{path}: no column {column!r} of type {kind}; there are {', '.join(features)}")
        return column

    def is_image(feature: Any) -> bool:
        return isinstance(feature, datasets.Image)

    def is_class(feature: Any) -> bool:
        return isinstance(feature, datasets.ClassLabel)

    image = named("image", "Image", is_image) or next((c for c, f in features.items() if is_image(f)), None)
    if image is None:
        raise ValueError(f"hf:{path}: no image column; its columns are {', '.join(features) or 'unknown'}")
    label = named("label", "ClassLabel, whole number or string", lambda f: is_class(f) or plain(f))
    label = label or next((c for c, f in features.items() if is_class(f)), None)
    label = label or next((c for c in LABELS if plain(features.get(c))), None)
    return image, label, next((c for c in CAPTIONS if captions(features.get(c))), None)


def _class_names(path: str, values: Iterator[Any]) -> list[str]:
    """The classes of a column of numbers or words, in their order, over both splits."""
    try:
        found = {v for v in values if not metadata.missing(v)}
        return [str(v) for v in sorted(found)] or [""]
    except Exception as error:  # of any kind: from the network, the package
        raise ValueError(f"hf:{path}: its labels cannot be read ({reason(error)}); nothing is kept") from None


def _pictures(
    path: str, rows: Rows, side: int, columns: tuple[str, str | None, str | None], number: dict[str, int] | None
) -> Pictures:
    """The pictures of rows, with label and captions; number: what a column of words or whole numbers means, by its class."""
    image, label, text = columns
    done = 0
    try:
        for row in rows:
            k = 0 if not label else row[label] if number is None else number.get(str(row[label]), -1)
            if row[image] is None or k is None or k < 0:
                raise ValueError("no picture or no label")
            yield square(row[image], side), k, metadata.captions(row[text]) if text else ()
            done += 1
    except Exception as error:  # of any kind: from the network, a decoder, the package
        raise ValueError(f"hf:{path}: the stream broke after {done} pictures ({reason(error)}); nothing is kept") from None
