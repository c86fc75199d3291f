"""How well captions and pictures find each other: recall of an encoder, and R-precision of a generator."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from ..data.dataset import Data, stream
from ..hub.resolve import resolve
from ..models.caption_encoder import Encoder
from .case import Score

AT = (1, 5, 10)
RIVALS = 99  # captions of other pictures, among which a picture's own is to be found (Xu et al. 2018, arXiv 1711.10485)

# Words that a visitor may type -> what they mean, in words of the emoji's names. Written before any encoder was trained;
# but its shades of colour are helped by `distil.SHADES`, which was written after it: they are no independent test.
SYNONYMS = {
    "puppy": "dog face",
    "kitten": "cat face",
    "car": "automobile",
    "motorcar": "automobile",
    "bike": "bicycle",
    "plane": "airplane",
    "hare": "rabbit",
    "bunny": "rabbit face",
    "doggy": "dog",
    "hog": "pig",
    "cop car": "police car",
    "cab": "taxi",
    "sofa": "couch and lamp",
    "residence": "house",
    "spectacles": "glasses",
    "donut": "doughnut",
    "burger": "hamburger",
    "fries": "french fries",
    "aubergine": "eggplant",
    "maize": "ear of corn",
    "beverage": "tropical drink",
    "java": "hot beverage",
    "lorry": "delivery truck",
    "cellphone": "mobile phone",
    "notebook computer": "laptop",
    "timepiece": "watch",
    "blossom": "cherry blossom",
    "serpent": "snake",
    "bumblebee": "honeybee",
    "phantom": "ghost",
    "jewel": "gem stone",
    "present": "wrapped gift",
    "umbrella in a shower": "umbrella with rain drops",
    "violinist's instrument": "violin",
    "tiny boat with a sail": "sailboat",
    "blaze": "fire",
    "crimson heart": "red heart",
    "azure heart": "blue heart",
    "emerald heart": "green heart",
    "violet heart": "purple heart",
    "golden heart": "yellow heart",
}


def recalls(encoder: Encoder, data: Data) -> list[Score]:
    """Recall at 1, 5 and 10 on a split of a captioned data set, both ways.

    A picture's caption is one of those that name it whole; a caption that several pictures share finds any of them.
    """
    pictures = encoder.embed_images(data.image)
    captions = [first_caption(data, i) for i in range(len(data))]
    score = pictures @ encoder.embed_captions(captions).T
    right = torch.tensor([[a == b for b in captions] for a in captions])
    found = []
    for query, target, s, r in (("caption", "picture", score.T, right.T), ("picture", "caption", score, right)):
        rank = (s > s.masked_fill(~r, -torch.inf).amax(1, keepdim=True)).sum(1)
        for k in AT:
            recall = float((rank < k).float().mean())
            id, name = f"{query}_to_{target}:{k}", f"{query} to {target}, recall@{k}"
            found.append(Score(id, name, recall, "higher", len(data)))
    if len(set(captions)) <= RIVALS:  # too few to find one among
        return found
    precision = r_precision(encoder, data.image, captions)
    return [*found, Score("r_precision_real", "R-precision of real pictures", precision, "higher", len(data))]


def first_caption(data: Data, i: int) -> str:
    """The first caption of a picture: for the emoji, its name and its style."""
    if not data.captions:
        raise ValueError(f"{data.name} has no captions; a folder has them in metadata.jsonl, as `text`")
    return data.captions[i][0]


def r_precision(encoder: Encoder, image: Tensor, captions: Sequence[str], rivals: int = RIVALS, seed: int = 0) -> float:
    """uint8 images (n, C, S, S) and the captions they were drawn for -> the share that is nearer to its own caption than to
    `rivals` others, drawn at random from the captions that are not the same."""
    pool = sorted(set(captions))
    if len(pool) <= rivals:
        raise ValueError(f"captions: {len(pool)} different ones; {rivals + 1} are needed")
    column = {c: k for k, c in enumerate(pool)}
    score = encoder.embed_images(image) @ encoder.embed_captions(pool).T
    dice = random.Random(stream("r-precision", seed))
    right = 0
    for i, own in enumerate(captions):
        others = [c for c in dice.sample(pool, rivals + 1) if c != own][:rivals]
        right += int(score[i, column[own]] > max(score[i, column[c]] for c in others))
    return right / len(captions)


def synonyms(encoder: Encoder, data: Data, at: int = 5) -> tuple[float, list[str]]:
    """How often a word that may be in no caption finds a picture of what it means among its `at` nearest pictures, and
    which words do not."""
    image = encoder.embed_images(data.image)
    nearest = (encoder.embed_captions(list(SYNONYMS)) @ image.T).topk(at).indices
    classes = [[data.classes[int(data.label[i])] for i in row] for row in nearest]
    wrong = [
        f"{word}: {', '.join(dict.fromkeys(found))}"
        for (word, meaning), found in zip(SYNONYMS.items(), classes, strict=True)
        if meaning not in found
    ]
    return 1 - len(wrong) / len(SYNONYMS), wrong


@lru_cache(maxsize=4)
def find_encoder(name: str = "encoder-emoji") -> Encoder:
    """A trained encoder by its checkpoint's name, frozen. ValueError if there is none of that name."""
    found = resolve(name).load()
    if not isinstance(found, Encoder):
        raise ValueError(f"{name}: is no caption encoder; train one with `python -m ganzoo train encoder`")
    return found
