"""Captions: as tensors, as words, as embeddings; the encoder's losses and measures; the checker of the drawn shapes."""

from __future__ import annotations

import pytest
import torch
from conftest import here, tiny
from torch.nn.functional import softplus

from ganzoo import data, inputs, registry
from ganzoo.augment import random_similarity
from ganzoo.config import configure
from ganzoo.data import shapes as drawn
from ganzoo.files import read_tensors, write_tensors
from ganzoo.inputs import Text
from ganzoo.metrics import shape_reader
from ganzoo.metrics.measure import measure
from ganzoo.metrics.retrieval import find_encoder, r_precision, recalls
from ganzoo.models._towers import CharacterEncoder
from ganzoo.models.caption_encoder import Encoder
from ganzoo.text import caption, words
from ganzoo.text.nearest import embed_captions, nearest
from ganzoo.text.words import Vocabulary, tokenize, vocabulary
from ganzoo.training.plan import from_run

STRANGE = [
    "кошка",
    "猫が好き",
    "قطة",
    "🐶 and 👩‍👩‍👧‍👦 🏳️‍🌈",
    "<script>alert(1)</script>",
    "\u202eabc",
    "a" * 201,
    "\U000e0041",
    "İıß",
    "é́́́",
    "-",
    "§" * 40,
]


def build(**knobs):
    torch.manual_seed(0)
    spec = registry.spec("encoder")
    facts = {"side": 16, "channels": 3, "classes": ()}
    return Encoder(configure(spec.config, facts | dict(spec.tiny) | knobs))


# ---- A caption as a tensor --------------------------------------------------------------------------------------------


def test_captions_come_back_whole_from_their_code_points():
    text = caption.write(STRANGE)
    assert text.shape == (len(STRANGE), caption.LENGTH)
    assert text.dtype == torch.int64
    assert caption.read(text) == STRANGE
    assert caption.read(caption.write(["x" * 300, ""])) == ["x" * caption.LENGTH, ""]


def test_clean_text_is_one_line_that_can_be_written():
    assert caption.clean("  a\tred\n\nrose \x00\ud800") == "a red rose"
    assert caption.clean("e\u0301") == "é"
    for text in STRANGE:
        assert caption.read(caption.write([caption.clean(text)])) == [caption.clean(text)]


TEXT = Text("text", ("a red rose", "a sleepy cat"))


def test_text_reads_what_a_person_types_and_draws_examples():
    assert caption.read(TEXT.read("  a  blue dog ", 2)) == ["a blue dog"] * 2
    assert caption.read(TEXT.read(["cat", "猫 🐱"], 2)) == ["cat", "猫 🐱"]
    drawn_ = inputs.draw((TEXT,), 20, 1)["text"]
    assert set(caption.read(drawn_)) == set(TEXT.examples)
    assert torch.equal(inputs.draw((TEXT,), 1, 8)["text"][0], drawn_[7])


@pytest.mark.parametrize("value", ["", "  ", "\x00", "x" * 202, 3, None, ["a", "b", "c"], {"a": 1}, "y" * 10**6, ["ok", 7]])
def test_text_refuses_the_rest_and_says_what_is_allowed(value):
    with pytest.raises(ValueError, match="text: "):
        TEXT.read(value, 2)


# ---- Words ------------------------------------------------------------------------------------------------------------


def test_words_are_cut_and_called_by_name():
    assert tokenize("A cosy CAFÉ, 3D-style 🐶!") == ["a", "cosy", "cafe", "3d", "style", "dog", "face"]
    assert tokenize("") == []


def test_unknown_words_are_told_and_spelled():
    found = vocabulary()
    assert found.split("two crimson florbles, Puppies and 猫") == [
        *(("two", True), ("crimson", True), ("florbles", False)),
        *(("puppies", True), ("and", True), ("猫", False)),
    ]
    assert found.lookup("giraffes")[1]
    assert 1 < len(found.word_pieces("florble")) <= words.MOST_PIECES
    assert found.word_pieces("猫") == []
    assert words.token_ids("florble") == tuple(found.word_pieces("florble"))


@pytest.mark.parametrize(
    ("word", "near", "far"),
    [("puppy", "dog", "car"), ("automobile", "car", "dog"), ("crimson", "red", "green"), ("sofa", "couch", "cloud")],
)
def test_words_that_mean_the_same_lie_together(word, near, far):
    found = vocabulary()
    a, b, c = (found.vectors[found.index[w]] for w in (word, near, far))
    assert torch.cosine_similarity(a, b, dim=0) > max(0.5, torch.cosine_similarity(a, c, dim=0) + 0.1)


def test_the_vectors_are_small_checked_and_say_where_they_are_from(tmp_path, monkeypatch):
    assert words.FILE.stat().st_size < 6_000_000
    tensors, facts = read_tensors(words.FILE)
    assert "MiniLM" in facts["source"]
    assert facts["license"] == "Apache-2.0"
    tensors["vectors"][5, 5] += 1
    write_tensors(tmp_path / "w.safetensors", tensors, facts)
    monkeypatch.setattr(words, "FILE", tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="altered"):
        Vocabulary(words.FILE)


# ---- The encoder ------------------------------------------------------------------------------------------------------

KINDS = {"characters": {}, "words": {"reads": "words", "loss": "contrastive"}}


@pytest.mark.parametrize("kind", KINDS)
def test_any_script_is_read_alone_as_in_company(kind):
    encoder = build(**KINDS[kind])
    together = encoder.embed_captions(STRANGE)
    assert together.shape == (len(STRANGE), 8)
    assert together.isfinite().all()
    for i, text in enumerate(STRANGE):
        assert torch.allclose(encoder.embed_captions([text])[0], together[i], atol=1e-5), "a longer neighbour must not count"
        assert all(isinstance(known, bool) for _, known in encoder.split(text))


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_words_counts(kind):
    a, b, c = build(**KINDS[kind] | {"width3": 64}).embed_captions(["a dog on a cat", "a cat on a dog", "a dog on a cat"])
    assert (a - b).abs().max() > 1e-5
    assert torch.allclose(a, c, atol=1e-6)


def test_characters_has_the_sizes_of_the_paper():
    paper = registry.spec("encoder").config()
    assert (paper.width1, paper.width2, paper.width3, paper.embedding) == (384, 512, 256, 1024)
    assert (paper.loss, paper.reads) == ("hinge", "characters")
    net = CharacterEncoder((384, 512, 256), 1024, 0.0)
    assert net.convolutions(torch.zeros(1, 70, caption.LENGTH)).shape == (1, 256, 8)
    assert net(caption.write(["a red rose"])).shape == (1, 1024)
    upper, lower = net(caption.write(["A Red Rose!", "a red rose!"]))
    assert torch.equal(upper, lower)


def test_hinge_is_the_papers_formula():
    encoder = build().eval()
    texts = ["red", "green", "blue", "red"]
    batch = {"image": torch.rand(4, 3, 16, 16) * 2 - 1, "text": caption.write(texts)}
    with torch.no_grad():  # far apart, so that some pairs are within the margin and some are not
        encoder.picture.out[1].weight *= 20
        encoder.text.out[1].weight *= 20
    v, t = encoder.embed_image(batch["image"]).detach(), encoder(batch["text"]).detach()
    total, count = 0.0, 0
    for n in range(4):
        for k in range(4):
            if texts[k] != texts[n]:
                total += max(0, 1 + float(v[n] @ t[k] - v[n] @ t[n])) + max(0, 1 + float(v[k] @ t[n] - v[n] @ t[n]))
                count += 1
    assert encoder.match_loss(batch)["match"].item() == pytest.approx(total / count, rel=1e-4)


def test_contrastive_takes_no_copy_of_a_caption_for_a_rival():
    encoder = build(**KINDS["words"]).eval()
    batch = {"image": torch.rand(2, 3, 16, 16) * 2 - 1, "text": caption.write(["red", "red"])}
    assert encoder.match_loss(batch)["match"].item() == pytest.approx(0, abs=1e-6)
    batch["text"] = caption.write(["red", "green"])
    s = encoder.embed_image(batch["image"]) @ encoder(batch["text"]).T * encoder.config.logit_scale
    d = torch.stack([s[0, 1] - s[0, 0], s[1, 0] - s[1, 1], s[1, 0] - s[0, 0], s[0, 1] - s[1, 1]])
    assert encoder.match_loss(batch)["match"].item() == pytest.approx(float(softplus(d).mean()), rel=1e-4)


def test_a_random_similarity_moves_a_little_and_fills_with_white():
    image = torch.ones(3, 3, 32, 32)
    assert torch.allclose(random_similarity(image, 0.3), image, atol=1e-5)
    image[:, :, 12:20, 12:20] = -1
    moved = random_similarity(image, 0.1)
    assert not torch.equal(moved, image)
    assert (moved.mean() - image.mean()).abs() < 0.03
    assert torch.allclose(random_similarity(image, 0.0), image, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_teaches_it_and_it_is_measured_and_exported(kind, tmp_path, monkeypatch):
    """Shapes of 16 pixels, by the command line: better than chance after 12,800 pictures, also on those that it never saw."""
    monkeypatch.setenv("GANZOO_WEIGHTS_DIR", str(tmp_path / "weights"))
    flags = [*tiny("encoder"), "--embedding", 32, "--ema", 0, "--lr-d", 0.002, "--batch", 32, "--width", 16]
    flags += [x for i in (1, 2, 3) for x in (f"--width{i}", 32)]
    flags += [x for k, v in KINDS[kind].items() for x in (f"--{k}", v)]
    here("train", "encoder", "--data", "shapes@16", "--steps", 400, "--out", tmp_path / "run", "--quiet", *flags)
    _, trained, _ = from_run(tmp_path / "run")
    test = data.load("shapes@16", split="test")
    few = data.Data(**(vars(test) | {"image": test.image[:300], "label": test.label[:300], "captions": test.captions[:300]}))
    before = build(**KINDS[kind] | {"width": 16, "embedding": 32, "width1": 32, "width2": 32, "width3": 32})
    learnt, naive = ({s.name: s.value for s in recalls(e, few)} for e in (trained, before))
    assert learnt["caption to picture, recall@10"] > 3 * naive["caption to picture, recall@10"]
    assert learnt["R-precision of real pictures"] > 0.1 > 0.05 > naive["R-precision of real pictures"]
    here("export", tmp_path / "run", "--name", "encoder-tiny")
    assert max(p.stat().st_size for p in (tmp_path / "weights/encoder-tiny").iterdir()) < 10_000_000
    found = measure(trained, "shapes@16", None)
    assert {m["name"] for m in found} == set(learnt)
    assert all(m["n"] == 4000 for m in found)


def test_data_without_captions_are_refused():
    with pytest.raises(ValueError, match=r"no captions.*metadata\.jsonl"):
        build().match_loss({"image": torch.zeros(2, 3, 16, 16)})


def test_r_precision_of_perfect_and_blind_eyes(monkeypatch):
    encoder = build()
    names = [f"thing {i}" for i in range(150)]
    place = torch.nn.functional.normalize(torch.randn(150, 8, generator=torch.Generator().manual_seed(1)))
    monkeypatch.setattr(Encoder, "embed_captions", lambda self, captions: place[[int(c.split()[1]) for c in captions]])
    monkeypatch.setattr(Encoder, "embed_images", lambda self, images: place[images[:, 0, 0, 0].long()])
    right = torch.arange(150, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 4, 4)
    assert r_precision(encoder, right, names) == 1
    assert r_precision(encoder, right.flip(0), names) < 0.1
    with pytest.raises(ValueError, match="100 are needed"):
        r_precision(encoder, right[:50], names[:50])


# ---- Shapes, read by code ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [16, 32, 64])
def test_shapes_are_read_as_they_were_drawn(side):
    d = data.load(f"shapes@{side}", split="test")
    n = 1000 if side > 32 else 4000
    said = [c[0] for c in d.captions[:n]]
    assert shape_reader.see(d.image[:n]).captions() == said
    assert shape_reader.caption_match(d.image[:n], said) == dict.fromkeys(("shape", "colour", "size", "place", "all"), 1.0)


def test_a_wrong_colour_shape_or_place_is_seen():
    d = data.load("shapes", split="test")
    image, said = d.image[:500], [c[0] for c in d.captions[:500]]
    red = ["red" in s.split() for s in said]
    mirrored = shape_reader.caption_match(image.flip(3), said)
    assert mirrored["colour"] == 1
    centred = sum("left" not in s and "right" not in s for s in said) / 500
    assert mirrored["place"] == pytest.approx(centred)
    swapped = shape_reader.caption_match(image.flip(1), said)  # red is blue, and blue is red
    assert swapped["place"] == swapped["shape"] == 1
    assert swapped["colour"] < 1 - sum(red) / 500
    assert shape_reader.caption_match(image, said[1:] + said[:1])["all"] < 0.05
    for nothing in (torch.full_like(image, 255), torch.randint(256, image.shape, dtype=torch.uint8)):
        assert shape_reader.caption_match(nothing, said)["all"] == 0
    with pytest.raises(ValueError, match="a red dog"):
        shape_reader.caption_match(image[:1], ["a red dog"])


def test_a_blurred_shape_counts_and_a_blob_does_not():
    d = data.load("shapes", split="test")
    image, said = d.image[:400], [c[0] for c in d.captions[:400]]
    padded = torch.nn.functional.pad(image.float(), (1, 1, 1, 1), value=255)
    blurred = torch.nn.functional.avg_pool2d(padded, 3, 1).to(torch.uint8)
    assert shape_reader.caption_match(blurred, said)["all"] > 0.95
    ring = [i for i, s in enumerate(said) if "ring" in s and "large" in s]
    filled = drawn.draw(
        torch.zeros(len(ring), dtype=torch.long),
        torch.full((len(ring), 2), 0.5),
        torch.full((len(ring),), 0.3),
        torch.zeros(len(ring), 3),
    )
    assert shape_reader.caption_match(filled, [said[i] for i in ring])["shape"] == 0


# ---- The bundled encoder ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "thing"),
    [
        *(("hog", "pig"), ("cellphone", "mobile phone"), ("phantom", "ghost"), ("spectacles", "glasses")),
        *(("cop car", "police car"), ("crimson heart", "red heart"), ("azure heart", "blue heart")),
    ],
)
def test_the_bundled_encoder_places_words_that_no_caption_has(word, thing):
    encoder_ = find_encoder()
    names = list(encoder_.config.classes)
    assert names[int((encoder_.embed_captions([word]) @ encoder_.embed_captions(names).T).argmax())] == thing
    assert all(known for _, known in encoder_.split(word))


def test_another_checkpoint_is_no_encoder():
    with pytest.raises(ValueError, match="no caption encoder"):
        find_encoder("judge-mnist")


def test_names_are_found_by_what_they_mean_the_nearest_first():
    names = ("rocket", "green apple", "red apple", "dog face", "dog")
    encoder_ = find_encoder("encoder-emoji").text
    known = embed_captions(encoder_, names)
    assert torch.allclose(known.norm(dim=1), torch.ones(len(names)), atol=1e-4)
    assert nearest(encoder_, names, known, "apple", 6) == ["red apple", "green apple"]
    assert nearest(encoder_, names, known, "apple", 1) == ["red apple"]
    assert nearest(encoder_, names, known, "a dog", 6) == ["dog face"], "not what is said already"
    assert "red apple" not in nearest(encoder_, names, known, "a Red apple, flat style", 6)
    assert nearest(encoder_, names, known, "nothing of the kind", 6) == []
