"""How well captions and pictures find each other: recall of an encoder, and R-precision of a generator."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ..data import Data, stream
from ..metrics.case import Score
from . import caption
from .encoder import Encoder
from .words import plain

AT = (1, 5, 10)
NEAR = 0.5  # cosine of two captions from which they mean nearly the same, to an encoder
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
    pictures = encoder.look(data.image)
    told = [tell(data, i) for i in range(len(data))]
    read = encoder.read(told)
    score = pictures @ read.T
    right = torch.tensor([[a == b for b in told] for a in told])
    found = []
    for way, s, r in (("caption to picture", score.T, right.T), ("picture to caption", score, right)):
        rank = (s > s.masked_fill(~r, -torch.inf).amax(1, keepdim=True)).sum(1)
        found += [Score(f"{way}, recall@{k}", float((rank < k).float().mean()), "higher", len(data)) for k in AT]
    if len(set(told)) <= RIVALS:  # too few to find one among
        return found
    return [*found, Score("R-precision of real pictures", r_precision(encoder, data.image, told), "higher", len(data))]


def tell(data: Data, i: int) -> str:
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
    number = {c: k for k, c in enumerate(pool)}
    score = encoder.look(image) @ encoder.read(pool).T
    dice = random.Random(stream("r-precision", seed))
    right = 0
    for i, own in enumerate(captions):
        others = [c for c in dice.sample(pool, rivals + 1) if c != own][:rivals]
        right += int(score[i, number[own]] > max(score[i, number[c]] for c in others))
    return right / len(captions)


def synonyms(encoder: Encoder, data: Data, at: int = 5) -> tuple[float, list[str]]:
    """How often a word that may be in no caption finds a picture of what it means among its `at` nearest pictures, and
    which words do not."""
    image = encoder.look(data.image)
    nearest = (encoder.read(list(SYNONYMS)) @ image.T).topk(at).indices
    names = [[data.classes[int(data.label[i])] for i in row] for row in nearest]
    wrong = [
        f"{w}: {', '.join(dict.fromkeys(n))}" for (w, meant), n in zip(SYNONYMS.items(), names, strict=True) if meant not in n
    ]
    return 1 - len(wrong) / len(SYNONYMS), wrong


# ---- What is known near to what somebody says --------------------------------------------------------------------------


@torch.inference_mode()
def places(reader: nn.Module, captions: Sequence[str]) -> Tensor:
    """Where a reader has captions: (n, E), each of length 1."""
    place: Tensor = normalize(reader(caption.write(captions)).float())
    return place


def near(reader: nn.Module, names: Sequence[str], known: Tensor, said: str, most: int) -> list[str]:
    """The names, whose `places` are known (n, E), that mean nearly what is said, to a reader: the nearest first, without
    those that say no more than it."""
    cosine = (known @ places(reader, [said])[0]).tolist()
    words = set(plain(said))
    found = sorted((i for i, c in enumerate(cosine) if c >= NEAR), key=lambda i: -cosine[i])
    return [names[i] for i in found if not set(plain(names[i])) <= words][:most]
