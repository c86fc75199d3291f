"""Data sets of the Hub: `hf:USER/NAME`, streamed once by Hugging Face `datasets`, then kept on disk and read by index.

hf:USER/NAME@64                           at 64 pixels: its image column; labels and captions where it has them
hf:USER/NAME,config=C,split=S,first=N@64  a configuration, a split to train on, its first N pictures
hf:USER/NAME,image=A,label=B@64           columns by name; `revision=` too
hf:DIR@64                                 a folder on this machine that `datasets` can read: parquet, tar, pictures

Training needs its pictures in an order that is a function of (seed, step), or a resume would not be exact; a stream
cannot give that. So the pictures are written once, at the side that was asked for, under ROOT/hf, and a set that was
kept needs no network and no package any more. The test split is the set's own, or every tenth picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from . import Data
from .folder import side_of, square
from .store import Pictures, keep, place_of, texts, versions

OPTIONS = ("config", "split", "first", "image", "label", "revision")
SECONDS = 10  # that the Hub may stay silent
Rows = Iterator[dict[str, Any]]
FORM = "hf:USER/NAME, with ,config= ,split= ,first= ,image= ,label= ,revision= and @SIDE where they are needed"


def streamed(where: str, root: Path, split: str) -> Data:
    """The pictures of a set on the Hub, cut to the middle square and brought to SIDE pixels, in colour unless all are grey.

    ValueError if `datasets` is not installed, the Hub cannot be reached, there is no such set, or no pictures in it.
    """
    path, side, options = parse(where)
    here = Path(path)
    name = f"hf:{here.resolve().name if here.is_dir() else path}{where.removeprefix(path)}"  # goes into the card: no path
    files = sorted(here.resolve().rglob("*")) if here.is_dir() else []
    return keep(place_of(root / "hf", path, (where, versions(files))) / split, name, lambda: _ask(path, side, options, split))


def parse(where: str) -> tuple[str, int, dict[str, str]]:
    """USER/NAME,key=value,...@SIDE -> its parts. ValueError names what is wrong."""
    text, side = side_of("hf", where)
    path, *pairs = text.split(",")
    options = dict(pair.partition("=")[::2] for pair in pairs)
    wrong = next((k for k, v in options.items() if k not in OPTIONS or not v), None)
    if wrong is not None or not path:
        raise ValueError(f"hf:{where}: {wrong or path!r} is not understood; give {FORM}")
    if not options.get("first", "1").isdecimal() or options.get("first") == "0":
        raise ValueError(f"hf:{where}: first={options['first']} is not a number of pictures")
    return path, side, options


def _ask(path: str, side: int, options: dict[str, str], split: str) -> tuple[Pictures, dict[str, Any]]:
    """Open the stream -> its pictures, and what is known of the set."""
    try:
        import datasets
    except ImportError:
        raise ValueError(f"hf:{path}: the package datasets is not installed; `pip install datasets` gets it") from None
    here = Path(path).is_dir()
    source, license, revision = (
        (f"a folder named {Path(path).resolve().name}", "not stated", None) if here else _find(path, options)
    )
    try:
        splits = datasets.load_dataset(path, options.get("config"), revision=revision, streaming=True)
    except Exception as error:  # of any kind: the set decides what is run
        raise ValueError(f"hf:{path}: cannot be opened ({_line(error)})") from None
    ours = options.get("split") or ("train" if "train" in splits else next(iter(splits)))
    if ours not in splits:
        raise ValueError(f"hf:{path}: no split {ours!r}; there are {', '.join(splits)}")
    test = next((s for s in ("test", "validation", "valid") if s in splits and s != ours), None)
    stream = splits[test if test and split == "test" else ours]
    image, label, text = _columns(path, stream.features or {}, options)
    classes = stream.features[label].names if label else [""]
    rows: Rows = iter(stream.select_columns([c for c in (image, label, text) if c]))
    if "first" in options:
        rows = islice(rows, int(options["first"]))
    if not test:
        rows = (row for i, row in enumerate(rows) if (i % 10 == 0) == (split == "test"))
    facts = {"title": Path(path).resolve().name, "source": source, "license": license, "classes": classes}
    return _pictures(path, rows, side, image, label, text), facts


def _find(path: str, options: dict[str, str]) -> tuple[str, str, str]:
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
        raise ValueError(f"hf:{path}: the Hub cannot be reached ({_line(error)}), and the set was not kept before") from None
    license = getattr(found.card_data, "license", None) or "not stated"
    return f"https://huggingface.co/datasets/{path}, commit {str(found.sha)[:10]}", str(license), str(found.sha)


def _columns(path: str, features: dict[str, Any], options: dict[str, str]) -> tuple[str, str | None, str | None]:
    """Which column is the image, the label, the text. ValueError if none is an image."""
    import datasets

    def column(name: str, kind: type) -> str | None:
        found = options.get(name) or next((c for c, f in features.items() if isinstance(f, kind)), None)
        if found and not isinstance(features.get(found), kind):
            raise ValueError(f"hf:{path}: no column {found!r} of type {kind.__name__}; there are {', '.join(features)}")
        return found

    image = column("image", datasets.Image)
    if image is None:
        raise ValueError(f"hf:{path}: no image column; its columns are {', '.join(features) or 'not told'}")
    text = next((c for c in ("text", "caption") if getattr(features.get(c), "dtype", "") == "string"), None)
    return image, column("label", datasets.ClassLabel), text


def _pictures(path: str, rows: Rows, side: int, image: str, label: str | None, text: str | None) -> Pictures:
    done = 0
    try:
        for row in rows:
            which = row[label] if label else 0
            if row[image] is None or which is None or which < 0:
                raise ValueError("no picture or no label")
            yield square(row[image], side), which, texts(row[text]) if text else ()
            done += 1
    except Exception as error:  # of any kind: from the network, a decoder, the package
        raise ValueError(f"hf:{path}: the stream broke after {done} pictures ({_line(error)}); nothing is kept") from None


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
