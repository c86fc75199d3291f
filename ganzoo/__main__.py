"""The command line: `python -m ganzoo VERB`. Exit 0 only on success; anything wrong is one line on stderr and exit 2."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from . import registry
from .spec import Spec, knobs
from .training.boards import BOARDS

STEPS = 10_000  # of a training that was given no budget


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage."""

    def error(self, message: str) -> Any:
        raise ValueError(f"{message} (see `{self.prog} --help`)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb -> the exit code."""
    try:
        args = parse(list(sys.argv[1:] if argv is None else argv))
        args.run(args)
        return 0
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        said = str(error).strip() or type(error).__name__
        print(f"ganzoo: {said.splitlines()[0]}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        print(f"ganzoo: {error or 'stopped'}", file=sys.stderr)
        return 130


def parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser(prog="python -m ganzoo", description="Train, measure and draw with GANs.", allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=Parser)

    verb = verbs.add_parser("list", help="models, data sets and checkpoints")
    how = verb.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="as JSON")
    how.add_argument("--markdown", action="store_true", help="the README's table of checkpoints")
    verb.set_defaults(run=list_)

    verb = verbs.add_parser("train", help="train a model", allow_abbrev=False)
    models = verb.add_subparsers(dest="model", required=True, metavar="MODEL", parser_class=Parser)
    wanted = argv[1] if len(argv) > 1 and argv[0] == "train" else ""
    for name in (*registry.MODELS, *registry.TOOLS):
        if wanted in (name, "-h", "--help"):  # only the model that is asked for is imported
            spec = registry.spec(name)
            add_training(models.add_parser(name, help=spec.title, allow_abbrev=False), spec)
        else:
            models.add_parser(name)

    verb = verbs.add_parser("resume", help="go on with a training, bit for bit")
    verb.add_argument("folder", type=Path, metavar="RUN")
    add_budget(verb)
    verb.add_argument("--root", help="folder of the data sets, if it has moved")
    verb.set_defaults(run=resume)

    verb = verbs.add_parser("sample", help="draw pictures")
    verb.add_argument("name", metavar="NAME|RUN")
    verb.add_argument("--n", type=int, default=64, help="how many (default 64)")
    verb.add_argument("--seed", type=int, default=0)
    verb.add_argument("--set", action="append", default=[], metavar="INPUT=VALUE", help="fix an input, such as label=7")
    verb.add_argument("--out", type=Path, default=Path("grid.png"), help="a .png grid, or .npz with the pictures and inputs")
    verb.set_defaults(run=sample)

    verb = verbs.add_parser("eval", help="measure a checkpoint or a run")
    verb.add_argument("name", metavar="NAME|RUN")
    verb.add_argument("--n", type=int, default=10_000, help="pictures a draw (default 10000)")
    verb.add_argument("--data", help="measure against this data set, such as its own at another side (default: its own)")
    verb.add_argument("--root", help="folder of the data sets (default $GANZOO_DATA or ./data)")
    verb.add_argument("--inception", action="store_true", help="also FID on Inception features, if its weights can be had")
    verb.add_argument("--certify", type=positive(int), metavar="N", help="also kill a training N times, resume it, compare")
    verb.add_argument("--record", action="store_true", help="write the measures into the checkpoint and its card")
    verb.add_argument("--json", action="store_true", help="as JSON")
    verb.set_defaults(run=eval_)

    verb = verbs.add_parser("export", help="make weights/NAME/ of a run")
    verb.add_argument("folder", type=Path, metavar="RUN")
    verb.add_argument("--name", help="default: MODEL-DATA")
    verb.add_argument("--best", action="store_true", help="the networks that `train --keep-best` kept, not the last")
    verb.add_argument("--light", action="store_true", help="without discriminator.safetensors, which only some views need")
    verb.add_argument("--half", action="store_true", help="weights in half precision: half as large, pictures nearly the same")
    verb.set_defaults(run=export)

    verb = verbs.add_parser("push", help="upload a checkpoint to the Hub, in one commit")
    verb.add_argument("name", metavar="NAME")
    verb.add_argument("--repo", required=True, metavar="USER/REPO")
    verb.add_argument("--private", action="store_true", default=None, help="only for you and those you let in")
    verb.add_argument("--dry-run", action="store_true", help="show the files and the card's head, upload nothing")
    verb.set_defaults(run=push)

    verb = verbs.add_parser("deploy", help="make the app a Space on the Hub, or bring it up to date")
    verb.add_argument("--space", required=True, metavar="USER/NAME")
    verb.add_argument("--private", action="store_true", default=None, help="only for you and those you let in")
    verb.add_argument("--dry-run", action="store_true", help="show the files and the README's head, upload nothing")
    verb.set_defaults(run=deploy)

    verb = verbs.add_parser("bench", help="how fast training and sampling are on this machine")
    verb.add_argument("model", nargs="?", choices=registry.MODELS, metavar="MODEL", help="default: all")
    verb.add_argument("--recipe", help="a named set of knobs (default: the paper's)")
    verb.add_argument("--device", help="auto, cpu, cuda, ... (default auto)")
    verb.add_argument("--seconds", type=positive(float), help="of each turn of each loop (default 3)")
    verb.add_argument("--json", action="store_true", help="as JSON")
    verb.add_argument("--parity", metavar="DATA", help="train MODEL on DATA with both loops and compare what they draw")
    verb.add_argument("--images", type=positive(int), help="with --parity: of each training (default 100000)")
    verb.add_argument("--seeds", type=positive(int), help="with --parity: trainings of each loop (default 3)")
    verb.add_argument("--root", help="with --parity: folder of the data sets (default $GANZOO_DATA or ./data)")
    verb.set_defaults(run=bench)
    return parser.parse_args(argv)


def add_budget(verb: argparse.ArgumentParser) -> None:
    budget = verb.add_mutually_exclusive_group()
    budget.add_argument("--steps", type=positive(int), help="steps in all")
    budget.add_argument("--minutes", type=positive(float), help="minutes of training in all")
    budget.add_argument("--images", type=positive(int), help="real pictures seen in all")
    verb.add_argument("--save-every", type=positive(float), default=60.0, help="seconds from save to save (default 60)")
    verb.add_argument("--quiet", action="store_true", help="no progress bar")
    verb.add_argument("--watch", action="store_true", help="open a page on this machine that follows the training")
    verb.add_argument("--track", choices=tuple(BOARDS), help="show losses and snapshots there too (an optional package)")


def positive(kind: type[int] | type[float]) -> Any:
    def read(text: str) -> int | float:
        value = kind(text)
        if not 0 < value < 1e12:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    read.__name__ = "number" if kind is float else "whole number"
    return read


def seeds(text: str) -> range:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 0 <= int(first) < int(last) < 2**32):
        raise argparse.ArgumentTypeError(f"{text!r} is not A-B, such as 0-4")
    return range(int(first), int(last) + 1)


def add_training(verb: argparse.ArgumentParser, spec: Spec) -> None:
    verb.add_argument("--data", required=True, help="data set, see `list`; folder:DIR@SIDE, hf:USER/NAME@SIDE")
    verb.add_argument("--root", help="folder of the data sets (default $GANZOO_DATA or ./data)")
    verb.add_argument("--out", type=Path, help="folder of the run (default runs/MODEL-DATA)")
    verb.add_argument(
        "--from", dest="start", default="", metavar="NAME|RUN", help="begin with its networks and knobs, not from scratch"
    )
    add_budget(verb)
    verb.add_argument("--keep-best", action="store_true", help="keep the smallest Fréchet distance too (needs a judge)")
    which = verb.add_mutually_exclusive_group()
    which.add_argument("--seed", type=int, default=0)
    which.add_argument("--seeds", type=seeds, metavar="A-B", help="a run for each seed from A to B, in OUT/seed-A, ...")
    verb.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default auto)")
    verb.add_argument("--precision", default="auto", help="auto, bf16 or fp32 (default auto)")
    verb.add_argument("--deterministic", action="store_true", help="the same bits on a GPU each time, too; slower")
    if spec.recipes:
        verb.add_argument("--recipe", help=f"a named set of knobs: {', '.join(spec.recipes)} (default: the paper's)")
    flags = verb.add_argument_group(f"knobs of {spec.title}; the defaults are the paper's")
    hints = get_type_hints(spec.config)
    for name, f in knobs(spec.config).items():
        hint = hints[name]
        kind, choices = (str, get_args(hint)) if get_origin(hint) is Literal else (hint, None)
        flags.add_argument(
            f"--{name.replace('_', '-')}",
            dest=f"knob_{name}",
            type=kind,
            choices=choices,
            default=None,
            metavar=None if choices else kind.__name__.upper(),
            help=f"{f.metadata['help']} (default {f.default})",
        )
    verb.set_defaults(run=train)


def train(args: argparse.Namespace) -> None:
    from .training import boards, loop, state

    boards.check(args.track)
    spec = registry.spec(args.model)
    recipe = recipe_of(spec, getattr(args, "recipe", None))
    if args.keep_best and args.model in registry.TOOLS:
        raise ValueError(f"--keep-best: a {args.model} draws nothing that could be measured along the way")
    if not 0 <= args.seed < 2**32:
        raise ValueError(f"seed: {args.seed} is not from 0 to {2**32 - 1}")
    given = {k.removeprefix("knob_"): v for k, v in vars(args).items() if k.startswith("knob_") and v is not None}
    plan = state.Plan(
        model=args.model,
        data=args.data,
        config=dict(spec.recipes[recipe] if recipe else {}) | given,
        seed=args.seed,
        root=args.root,
        device=args.device,
        precision=args.precision,
        steps=args.steps or (None if args.minutes or args.images else STEPS),
        minutes=args.minutes,
        images=args.images,
        keep_best=args.keep_best,
        deterministic=args.deterministic,
        start=args.start,
        recipe=recipe,
        command=state.describe_command(),
        commit=state.describe_commit(),
    )
    folder = args.out or Path("runs") / re.sub(r"[^\w.-]+", "-", f"{args.model}-{args.data}")
    if args.seeds is None:
        finish(loop, state.Run.create(folder, plan), args)
        return
    taken = [s for s in args.seeds if (folder / f"seed-{s}").exists()]
    if taken:
        raise ValueError(f"{folder / f'seed-{taken[0]}'}: already there; choose another --out, or other --seeds")
    for seed in args.seeds:
        finish(loop, state.Run.create(folder / f"seed-{seed}", dataclasses.replace(plan, seed=seed)), args)


def say(line: str) -> None:
    print(line, file=sys.stderr)


def recipe_of(spec: Spec, name: str | None) -> str | None:
    """A recipe's name, checked: ValueError if the model has none of it."""
    if name is not None and name not in spec.recipes:
        raise ValueError(
            f"recipe: {name!r} is not one of {', '.join(spec.recipes) or 'none: ' + spec.name + ' has no recipes'}"
        )
    return name


def resume(args: argparse.Namespace) -> None:
    from .training import boards, loop, state

    boards.check(args.track)
    commands = state.read_plan(args.folder).command.splitlines()
    if state.describe_command() not in commands:
        commands.append(state.describe_command())
    changed: dict[str, Any] = {"command": "\n".join(commands)} | ({"root": args.root} if args.root else {})
    if args.steps or args.minutes or args.images:
        changed |= {"steps": args.steps, "minutes": args.minutes, "images": args.images}
    finish(loop, state.Run.open(args.folder, **changed), args)


def finish(loop: Any, run: Any, args: argparse.Namespace) -> None:
    try:
        with watched(run) if args.watch and run.engine.group.leads else contextlib.nullcontext():
            loop.train(run, args.quiet, args.save_every, args.track)
    except loop.Interrupted as stop:
        raise KeyboardInterrupt(str(stop)) from None
    if run.engine.group.leads:
        print(f"{run.folder}: step {run.engine.step:,}, {run.engine.images:,} pictures, {run.seconds:.0f} s")


@contextlib.contextmanager
def watched(run: Any) -> Iterator[None]:
    """A page that follows the run meanwhile."""
    from .ui.watch import Page

    with Page(run) as page:
        say(f"watch it at {page.url}")
        yield


def list_(args: argparse.Namespace) -> None:
    from . import data
    from .hub import card
    from .hub.resolve import bundled, known

    if args.markdown:
        print(card.table(bundled()))
        return
    found: dict[str, list[Any]] = {
        "models": [{"name": s.name, "title": s.title, "year": s.paper.year, "arxiv": s.paper.arxiv} for s in registry.specs()],
        "data": list(data.SETS),
        "checkpoints": [
            {"name": c.name, "model": c.spec.name, "data": c.data, "source": c.source, "revision": c.revision}
            for c in bundled()
        ],
        "hub": [asdict(k) for k in known() if "/" in k.name],
    }
    if args.json:
        print(json.dumps(found, indent=2))
        return
    for title, rows in found.items():
        print(f"{title}:")
        for row in rows:
            print("  " + (row if isinstance(row, str) else "  ".join(str(v) for v in row.values())))


def sample(args: argparse.Namespace) -> None:
    from .files import write
    from .images import grid, png, to_uint8

    if not 1 <= args.n <= 100_000:
        raise ValueError(f"n: {args.n} is not from 1 to 100000")
    if args.out.suffix not in (".png", ".npz"):
        raise ValueError(f"out: {args.out} does not end in .png or .npz")
    from .hub.resolve import opened

    gan, _ = opened(args.name)
    given = gan.draw(args.n, args.seed, **settings(args.set))
    images = to_uint8(gan.show(given))
    if args.out.suffix == ".png":
        scale = max(1, 56 // images.shape[-1])
        write(args.out, png(grid(images, scale=scale, gap=scale)))
    else:
        import io

        import numpy

        buffer = io.BytesIO()
        arrays: dict[str, Any] = {k: v.cpu().numpy() for k, v in given.items()}
        numpy.savez_compressed(buffer, images=images.permute(0, 2, 3, 1).numpy(), **arrays)
        write(args.out, buffer.getvalue())
    print(args.out)


def settings(pairs: list[str]) -> dict[str, Any]:
    """["label=7", "c1=[1, 2]"] -> values by input: JSON where it is, words as they are."""
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ValueError(f"set: {pair!r} is not INPUT=VALUE")
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values


def eval_(args: argparse.Namespace) -> None:
    from .checkpoint import record
    from .hub.card import measures_table, seeds_table
    from .hub.resolve import opened, resolve
    from .metrics import report, seeds

    if seeds.runs(Path(args.name)):
        if ignored := [f for f in ("inception", "certify", "record", "data") if getattr(args, f)]:
            raise ValueError(f"--{ignored[0]} is about one checkpoint; {args.name} holds several seeds; `export` it first")
        found_by_seed = seeds.measured(Path(args.name), args.root, args.n, say)
        several = seeds.together(found_by_seed)
        print(json.dumps(several, indent=2, ensure_ascii=False) if args.json else seeds_table(several))
        return
    if (args.record or args.certify) and (Path(args.name) / "run.json").is_file():
        raise ValueError(f"{args.name} is a run; `python -m ganzoo export` it first, then --record or --certify the checkpoint")
    if args.record and not resolve(args.name).ours:
        raise ValueError(f"record: {args.name} is a copy of the Hub's; record into a checkpoint of your own, then push it")
    if args.record and args.data:
        raise ValueError("--record keeps what was measured against a checkpoint's own data; leave out --data")
    gan, data_name = opened(args.name)
    data_name = args.data or data_name
    metrics = report.measure(gan, data_name, args.root, args.n, say)
    if args.inception:
        fid = report.inception_fid(gan, data_name, args.root, args.n)
        if isinstance(fid, str):
            say(fid)
        else:
            metrics.append(fid)
    print(json.dumps(metrics, indent=2, ensure_ascii=False) if args.json else measures_table(metrics))
    found: dict[str, Any] = {"metrics": metrics}
    if args.certify:
        from .training.certify import certify

        checkpoint = resolve(args.name)
        found["certificate"] = certify(checkpoint.spec.name, type(gan.config), checkpoint.config["config"], args.certify, say)
        say(str(found["certificate"]))
    if args.record:
        record(resolve(args.name), found)


def export(args: argparse.Namespace) -> None:
    from .checkpoint import export as make
    from .metrics import seeds

    known = None
    if runs := seeds.runs(args.folder):
        from .training.state import read_plan

        if args.best:
            raise ValueError("--best is about one run; of several seeds the best is taken anyway")
        spec = registry.spec(read_plan(next(iter(runs.values()))).model)
        args.folder, known = seeds.choose(args.folder, spec)
        if args.half:  # what was measured are other numbers
            del known["metrics"]
    print(make(args.folder, args.name, args.best, known, args.light, args.half).folder)


def push(args: argparse.Namespace) -> None:
    from .hub import card
    from .hub.push import push as upload
    from .hub.resolve import resolve

    checkpoint = resolve(args.name)
    sent = upload(checkpoint, args.repo, private=args.private, dry_run=args.dry_run)
    tree(sent.sizes)
    if args.dry_run:
        print(f"\n{card.metadata(checkpoint)}\n\nnothing was uploaded: without --dry-run, this is one commit to {sent.repo}")
    else:
        print(f'{sent.url}\nganzoo.load("{sent.repo}@{sent.commit}")')


def deploy(args: argparse.Namespace) -> None:
    from .hub.deploy import deploy as upload

    sent, made = upload(args.space, private=args.private, dry_run=args.dry_run, say=say)
    tree(sent.sizes)
    if args.dry_run:
        print(f"\n{made.head}\n\nnothing was uploaded: without --dry-run, this is one commit to the Space {sent.repo}")
    else:
        print(sent.url)


def tree(sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        print(f"{size:12,}  {name}")
    print(f"{sum(sizes.values()):12,}  bytes in {len(sizes)} files")


def bench(args: argparse.Namespace) -> None:
    from .training.bench import bench as measure
    from .training.bench import parity

    idle = ("device", "seconds") if args.parity else ("images", "seeds", "root")
    if ignored := [f for f in idle if getattr(args, f) is not None]:
        raise ValueError(f"--{ignored[0]} has no meaning {'with' if args.parity else 'without'} --parity")
    if args.parity:
        if not args.model:
            raise ValueError("--parity needs a MODEL: `python -m ganzoo bench MODEL --parity DATA`")
        spec = registry.spec(args.model)
        recipe = recipe_of(spec, args.recipe)
        distances = parity(spec, recipe, args.parity, args.root, args.images or 100_000, args.seeds or 3, say)
        table = "\n".join(f"| {loop} | {' | '.join(f'{d:.3f}' for d in of)} |" for loop, of in distances.items())
        print(json.dumps(distances, indent=2) if args.json else table)
        return
    found = {}
    for name in [args.model] if args.model else registry.MODELS:
        spec = registry.spec(name)
        found[name] = measure(spec, recipe_of(spec, args.recipe), args.device or "auto", args.seconds or 3.0)
    if args.json:
        print(json.dumps(found, indent=2))
        return
    print("| model | training, pictures/s | plain loop | ratio | share of peak | sampling, pictures/s | first picture |")
    print("|---|---|---|---|---|---|---|")
    for name, f in found.items():
        t, s = f["train"], f["sample"]
        print(
            f"| {name} | {t['images_per_s']:,} | {t['reference_images_per_s']:,} | {t['ratio']} | "
            f"{100 * t['share_of_peak']:.0f} % | {s['images_per_s']:,} | {s['first_image_ms']} ms |"
        )


if __name__ == "__main__":
    sys.exit(main())
