"""The command line: `python -m ganzoo VERB`. Exit 0 only on success; anything wrong is one line on stderr and exit 2."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import re
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import registry
from .arguments import parse
from .spec import Spec

STEPS = 10_000  # of a training that was given no budget


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb -> the exit code."""
    try:
        args = parse(list(sys.argv[1:] if argv is None else argv))
        VERBS[args.verb](args)
        return 0
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        said = str(error).strip() or type(error).__name__
        print(f"ganzoo: {said.splitlines()[0]}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        print(f"ganzoo: {error or 'stopped'}", file=sys.stderr)
        return 130


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
        if args.json:
            print(json.dumps(distances, indent=2))
            return
        for loop, of in distances.items():
            spread = f" ± {statistics.stdev(of):.2g}" if len(of) > 1 else ""
            print(f"| {loop} | {' | '.join(f'{d:.3g}' for d in of)} | {statistics.mean(of):.3g}{spread} |")
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


VERBS: dict[str, Callable[[argparse.Namespace], None]] = {
    "list": list_,
    "train": train,
    "resume": resume,
    "sample": sample,
    "eval": eval_,
    "export": export,
    "push": push,
    "deploy": deploy,
    "bench": bench,
}

if __name__ == "__main__":
    sys.exit(main())
