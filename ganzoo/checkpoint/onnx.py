"""What draws of a trained model as one ONNX file, for whatever runs ONNX: onnxruntime, a browser, a phone.

Its inputs are the model's by name: a Noise z (n, dim) float32, a Choice label (n,) int64 (an option's number from 0), a Code
c (n,) float32, a Picture (n, C, S, S) float32 in [-1, 1], its height and width free where the model takes any size; a Text
(n, LENGTH) int64 code points where R reads characters, and (n, MOST_WORDS, D) float32 where it reads words: the vectors of the
caption's words (`text.words`), then zeros. Its output is `image` (n, C, S, S) float32 in [-1, 1]. n is free. The metadata say
what it was made of and how each input is read.

torch's own exporter makes the graph; what comes out is run by onnxruntime beside torch before it is written.
"""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy
import torch
from torch import Tensor, nn

from .. import registry
from ..gan import GAN, Batch, as_gan, inference_state
from ..images import to_uint8
from ..inputs import Choice, Code, Input, Noise, Picture, Text
from ..models._text_to_image import TextToImageGAN
from ..models._towers import MOST_WORDS, WordEncoder
from ..text import caption
from ..text.words import token_ids, vocabulary
from .card import is_own
from .folder import Checkpoint
from .manifest import LIBRARY
from .write import heavy

OPSET = 18  # of ONNX
SEEDS, TOLERANCE = 64, 1e-4  # pictures on which onnxruntime and torch must agree; how far apart they may be, of [-1, 1]
FILE = "onnx/model.onnx"  # where the Hub's libraries look for it in a repo
NEEDED = ("onnx", "onnxruntime")
HEAVY = 2048  # numbers of a matrix that is stored smaller; a recurrent net's biases are a matrix too
Storage = Literal["single", "half", "int8"]  # of the weights in the file; computed with is single precision


@dataclass(frozen=True)
class Exported:
    """An ONNX file, and how far its pictures are from torch's, in levels of 255: mean and most over SEEDS pictures."""

    raw: bytes
    mean: float
    most: float


class Draws(nn.Module):
    """The inputs in their order, as the file takes them -> image."""

    def __init__(self, gan: GAN) -> None:
        super().__init__()
        self.gan = gan

    def forward(self, *values: Tensor) -> Tensor:
        given = {x.name: v for x, v in zip(self.gan.inputs, values, strict=True)}
        word_inputs = [x.name for x in self.gan.inputs if reads_words(self.gan, x)]
        if not word_inputs:
            return self.gan(**given)  # type: ignore[no-any-return]
        gan, vectors = self.gan, given.pop(word_inputs[0])
        assert isinstance(gan, TextToImageGAN)
        assert isinstance(gan.R, WordEncoder)
        return [*gan.generate(gan.scaled(gan.R.of_vectors(vectors)), **given)][-1]


def export(gan: GAN, facts: Mapping[str, str], storage: Storage = "single") -> Exported:
    """What draws of a model; facts: its metadata, by key. ValueError if onnx is not installed, if torch cannot export it, or
    if what comes out does not draw what torch draws: see `check`. How far a file
    of smaller weights is from torch is returned, not bounded."""
    batch = gan.draw(SEEDS, seed=0)
    names = [x.name for x in gan.inputs]
    fed = feeds(gan, batch)
    known = dict(facts) | {"inputs": json.dumps(described(gan)), "image": "float32 (n, C, S, S) from -1, black, to 1"}
    of_any_size = [x.name for x in gan.pictures if x.any_size]
    raw = traced(Draws(gan), {k: v[:2] for k, v in fed.items()}, names, "image", known, of_any_size)
    wanted = gan.show(batch)
    check(wanted, run(raw, fed, gan.at_once), "it", lambda: gan.show(batch))
    if storage != "single":
        raw = packed(raw, storage)
    got = run(raw, fed, gan.at_once)
    apart = (to_uint8(got).int() - to_uint8(wanted).int()).abs().float()
    return Exported(raw, float(apart.mean()), float(apart.max()))


def export_discriminator(gan: GAN, facts: Mapping[str, str]) -> bytes:
    """D of a model: the arguments of its forward by name, `image` first; of a label its one-hot code, of a caption R's
    embedding -> `logit`. ValueError as for `export`, and if a D takes something else."""
    batch = gan.draw(SEEDS, seed=0)
    image = gan.show(batch)
    with torch.no_grad():
        given = {k: discriminator_input(gan, k, image, batch) for k in arguments(gan.D)}
        wanted = torch.cat([first(gan.D(*part)) for part in zip(*(v.split(gan.at_once) for v in given.values()), strict=True)])
    raw = traced(First(gan.D), {k: v[:2] for k, v in given.items()}, [*given], "logit", dict(facts))
    got = run(raw, given, gan.at_once)
    scale = max(1.0, float(wanted.abs().max()))
    check(wanted / scale, got / scale, "its discriminator")
    return raw


class First(nn.Module):
    """A network's first output, where it has several."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, *values: Tensor) -> Tensor:
        return first(self.net(*values))


def first(found: Any) -> Tensor:
    tensor: Tensor = found[0] if isinstance(found, tuple | list) else found
    return tensor


def arguments(net: nn.Module) -> list[str]:
    """The names of what a network's forward takes."""
    code = type(net).forward.__code__
    return [*code.co_varnames[1 : code.co_argcount]]


def discriminator_input(gan: GAN, name: str, image: Tensor, batch: Batch) -> Tensor:
    """What D takes under a name. ValueError if nobody knows what it is."""
    if name in ("image", "x"):
        return image
    choices = [x for x in gan.inputs if isinstance(x, Choice)]
    if name == "y" and len(choices) == 1:
        return nn.functional.one_hot(batch[choices[0].name], len(choices[0].options)).float()
    if name == "embedding" and isinstance(gan, TextToImageGAN):
        return gan.embedding(dict(batch))
    if name in batch:
        return batch[name]
    raise ValueError(f"discriminator: it takes {name!r} beside the picture, which no ONNX input is made of; export what draws")


# ---- Inputs ------------------------------------------------------------------------------------------------------------


def reads_words(gan: GAN, x: Input) -> bool:
    return isinstance(x, Text) and isinstance(gan, TextToImageGAN) and isinstance(gan.R, WordEncoder)


def word_vectors(captions: list[str]) -> Tensor:
    """n captions -> (n, MOST_WORDS, D) float32: the vectors of their words and pieces, then zeros."""
    vectors = vocabulary().vectors
    rows = torch.tensor([[*(ids := token_ids(c)[:MOST_WORDS]), *[0] * (MOST_WORDS - len(ids))] for c in captions])
    return vectors[rows]


def feeds(gan: GAN, batch: Batch) -> Batch:
    """A batch as the file takes it."""
    return {
        x.name: word_vectors(caption.read(batch[x.name])) if reads_words(gan, x) else batch[x.name].cpu() for x in gan.inputs
    }


def described(gan: GAN) -> list[dict[str, Any]]:
    """How each input is read, for programs: its kind and what `ganzoo.inputs` says of it."""
    found = []
    for x in gan.inputs:
        facts = {k: v for k, v in asdict(x).items() if k not in ("examples", "offers") or isinstance(x, Picture)}
        how = {
            Noise: "independent normal(0, 1) or uniform(-1, 1) numbers",
            Choice: "the number of an option, from 0",
            Code: "a number from low to high",
            Picture: "pixels from -1, black, to 1",
            Text: "Unicode code points, then zeros",
        }[type(x)]
        how = f"vectors of at most {MOST_WORDS} words, then zeros" if reads_words(gan, x) else how
        found.append({"type": type(x).__name__, **facts, "how": how})
    return found


# ---- The file ----------------------------------------------------------------------------------------------------------


def needs() -> None:
    """ValueError unless what an export needs is installed."""
    if missing := [name for name in NEEDED if not find_spec(name)]:
        raise ValueError(f"onnx: {', '.join(missing)} not installed; `pip install {' '.join(NEEDED)}`")


def traced(
    net: nn.Module, example: Batch, names: list[str], output: str, facts: Mapping[str, str], of_any_size: Sequence[str] = ()
) -> bytes:
    """A network as ONNX, with its first axis free; of_any_size: inputs whose height and width are free, too, and with them the
    output's. ValueError if torch cannot export it."""
    needs()
    import onnx

    file = io.BytesIO()
    torch.onnx.utils.register_custom_op_symbolic("aten::atanh", lambda g, x: g.op("Atanh", x), OPSET)  # which it lacks
    with quiet():
        try:
            torch.onnx.export(
                net.eval(),
                tuple(example[k] for k in names),
                file,  # type: ignore[arg-type]
                input_names=names,
                output_names=[output],
                opset_version=OPSET,
                training=torch.onnx.TrainingMode.PRESERVE,  # in eval mode: batch norm is not folded into weights, which
                # may be such as half precision holds to the last bit
                dynamo=False,  # the other one takes 5 to 40 times as long, and writes the same
                dynamic_axes={k: {0: "n"} for k in (*names, output)}
                | {k: {0: "n", 2: f"height of {k}", 3: f"width of {k}"} for k in (*of_any_size, output) if of_any_size},
            )
        except Exception as error:  # of torch's exporter, which has many
            reason = (str(error).strip().splitlines() or [""])[0]
            raise ValueError(f"onnx: torch cannot export this model ({type(error).__name__}: {reason[:200]})") from None
    model = onnx.load_from_string(file.getvalue())
    onnx.helper.set_model_props(model, {k: str(v) for k, v in facts.items()} | {"opset": str(OPSET)})
    model.producer_name = LIBRARY
    for node in model.graph.node:  # where in the source it is from
        node.doc_string = ""
    raw: bytes = model.SerializeToString()
    return raw


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of torch's tracer, which are about what `check` holds, and the graph that it prints on an error."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def run(raw: bytes, fed: Batch, at_once: int) -> Tensor:
    """What onnxruntime makes of a batch, on one CPU thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3
    session = onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    n = len(next(iter(fed.values())))
    parts = [session.run(None, {k: v[i : i + at_once].numpy() for k, v in fed.items()})[0] for i in range(0, n, at_once)]
    return torch.from_numpy(numpy.concatenate(parts))


def check(wanted: Tensor, got: Tensor, what: str, other_kernels: Callable[[], Tensor] | None = None) -> None:
    """ValueError unless onnxruntime made what torch makes: within TOLERANCE, or twice as far apart as torch is from itself with
    other kernels, where a network makes more of the last bits than that (a Stage II does)."""
    apart = float((wanted - got).abs().max()) if wanted.shape == got.shape else float("inf")
    allowed = TOLERANCE
    if TOLERANCE < apart < 1 and other_kernels:
        with quiet(), torch.backends.mkldnn.flags(enabled=False):
            allowed = max(TOLERANCE, 2 * float((wanted - other_kernels()).abs().max()))
    if not apart <= allowed:
        raise ValueError(f"onnx: {what} does not make what torch makes of {SEEDS} seeds ({apart:.2g} apart); nothing written")


def packed(raw: bytes, storage: Storage) -> bytes:
    """The same with its matrices and filters in half precision, or in 8 bits with a scale for each row or channel; they are
    brought back to single precision when the file is opened."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_from_string(raw)
    graph, front, kept = model.graph, [], []
    used_by = axes(graph.node)
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != numpy.float32 or values.ndim < 2 or values.size < HEAVY:
            kept.append(tensor)
            continue
        name = tensor.name
        if storage == "half":
            kept.append(numpy_helper.from_array(values.astype(numpy.float16), f"{name}_half"))
            front.append(helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT))
            continue
        axis = used_by.get(name, 0)
        others = tuple(i for i in range(values.ndim) if i != axis)
        scale = numpy.maximum(numpy.abs(values).max(others), 1e-12).astype(numpy.float32) / 127
        shape = [-1 if i == axis else 1 for i in range(values.ndim)]
        rows = numpy.clip(numpy.round(values / scale.reshape(shape)), -127, 127).astype(numpy.int8)
        kept += [numpy_helper.from_array(rows, f"{name}_rows"), numpy_helper.from_array(scale, f"{name}_scale")]
        front.append(helper.make_node("DequantizeLinear", [f"{name}_rows", f"{name}_scale"], [name], axis=axis))
    del graph.initializer[:]
    graph.initializer.extend(kept)
    nodes = [*front, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    helper.set_model_props(model, {p.key: p.value for p in model.metadata_props} | {"storage": storage})
    small: bytes = model.SerializeToString()
    return small


def axes(nodes: Any) -> dict[str, int]:
    """The axis of each weight that is the layer's output: 0 of a convolution, 1 of a transposed one and of a product."""
    found = {}
    for node in nodes:
        if len(node.input) > 1 and node.op_type in ("ConvTranspose", "MatMul"):
            found[node.input[1]] = 1
        elif len(node.input) > 1 and node.op_type == "Gemm":
            found[node.input[1]] = 0 if any(a.name == "transB" and a.i for a in node.attribute) else 1
    return found


def holds_in_half(gan: GAN) -> bool:
    """Whether half precision holds all matrices and filters that draw to the last bit, as it does of most checkpoints."""
    return all(torch.equal(v.half().float(), v) for v in inference_state(gan).values() if heavy(v))


def of_checkpoint(checkpoint: Checkpoint) -> bytes:
    """What draws of a checkpoint, in half precision where that holds its weights to the last bit. ValueError as for `export`,
    and if it does not draw."""
    gan = as_gan(checkpoint.load())
    return export(gan, facts_of(checkpoint), "half" if holds_in_half(gan) else "single").raw


def facts_of(checkpoint: Checkpoint) -> dict[str, str]:
    """The metadata of a checkpoint's file: what it is, whose paper, trained on what, under which licences."""
    about = checkpoint.manifest.data
    facts = facts_of_run(checkpoint.name, checkpoint.model, {"title": about.title, "license": about.license})
    return facts | {"revision": checkpoint.revision, "license": "not stated" if is_own(checkpoint) else "mit"}


def facts_of_run(name: str, model: str, about: Mapping[str, Any]) -> dict[str, str]:
    """The same of a run; about: its data, as a plan has them."""
    spec = registry.spec(model)
    return {
        "name": name,
        "revision": "",
        "model": spec.name,
        "title": spec.title,
        "paper": spec.paper.url,
        "data": str(about.get("title", "")),
        "license": "not stated",
        "data_license": str(about.get("license", "")),
        "made_by": LIBRARY,
    }
