"""The collapse laboratory: what a browser may ask, who may train, and that the same settings give the same points."""

from __future__ import annotations

import os
import subprocess
import zipfile
from dataclasses import asdict

import pytest
import torch

from ganzoo.training.run import Run
from ganzoo.ui import permalink
from ganzoo.ui.laboratory import bench, digits, settings, table, training, view
from ganzoo.ui.laboratory.settings import LOSSES, PRESETS, REMEDIES, Settings
from ganzoo.ui.laboratory.table import Full, Gone, Table
from ganzoo.ui.laboratory.training import Training


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def room():
    """A table whose time a test sets, and the names of what ended on it."""
    ended, clock = [], Clock()
    made = Table(ended.append, clock)
    return made, clock, ended


# ---- Who may train ------------------------------------------------------------------------------------------------------


def test_twenty_visitors_each_have_a_seat_or_a_place_in_the_line(room):
    made, _, ended = room
    names = [made.join() for _ in range(20)]
    assert len(set(names)) == 20
    assert min(map(len, names)) >= 20  # nobody guesses another's
    expected = [0] * table.SEATS + [*range(1, 21 - table.SEATS)]
    assert [made.place(name) for name in names] == expected
    made.leave(names[0])
    assert ended == [names[0]]
    assert made.place(names[table.SEATS]) == 0
    assert made.place(names[-1]) == 20 - table.SEATS - 1
    assert len(made.seats) == table.SEATS


def test_who_asks_no_more_loses_what_they_have(room):
    made, clock, ended = room
    name = made.join()
    clock.now = table.KEPT - 1
    assert made.place(name) == 0
    clock.now += table.KEPT + 1
    with pytest.raises(Gone, match="ended"):
        made.place(name)
    assert ended == [name]


def test_while_others_wait_a_quiet_one_goes_and_a_turn_has_its_end(room):
    made, clock, ended = room
    busy = [made.join() for _ in range(table.SEATS)]
    waits = made.join()
    while clock.now < table.TURN:
        assert [made.place(name) for name in busy[1:]] == [0] * (table.SEATS - 1)
        assert made.place(waits) == (0 if ended else 1)
        clock.now += table.QUIET / 2
    assert ended == busy[:1]  # who was quiet
    last = made.join()
    clock.now += 1
    assert made.place(last) == 0
    assert ended == busy[:2]  # one had its turn, and no more need go
    assert made.place(waits) == 0


def test_the_line_has_an_end_and_forgets_who_left_it(room):
    made, clock, _ = room
    for _ in range(table.SEATS + table.LINE):
        made.join()
    with pytest.raises(Full, match="try again"):
        made.join()
    assert len(made.seats) + len(made.line) == table.SEATS + table.LINE
    clock.now = table.QUIET + 1
    assert made.place(made.join()) == 0
    assert len(made.line) == 0  # those who waited have gone; quiet ones with a seat keep it, now that nobody waits
    assert len(made.seats) == table.SEATS


# ---- What a browser may ask -----------------------------------------------------------------------------------------------

HOSTILE = [
    None,
    [],
    "play",
    {},
    {"do": "eval"},
    {"do": ["play"]},
    {"do": "look", "data": "../../etc/passwd"},
    {"do": "look", "data": {"a": 1}},
    {"do": "play"},
    {"do": "play", "name": "x", "settings": {}, "steps": 1, "who": "both"},
    *(
        {"do": "play", "name": None, "settings": given, "steps": 1, "who": "both"}
        for given in (None, [1], {"width": 10**9}, {"seed": "-1"}, {"lr_d": "1e9"}, {"k": "10000"}, {"data": "mnist"}, {1: 2})
    ),
    *(
        {"do": "play", "name": "here", "settings": {}, "steps": steps, "who": who}
        for steps, who in (
            (-1, "both"),
            (10**9, "both"),
            (True, "both"),
            ("1", "both"),
            (1, "E"),
            (1, None),
            (float("nan"), "D"),
        )
    ),
]


@pytest.mark.parametrize("asked", HOSTILE, ids=lambda x: str(x)[:40])
def test_what_cannot_be_had_is_one_line_and_starts_nothing(asked):
    here = view.Points()
    answer = here.answer(asked)
    assert set(answer) <= {"error", "gone"}
    assert "\n" not in answer["error"]
    assert here.worker.process is None


def test_smoothing_is_refused_to_a_critic():
    with pytest.raises(ValueError, match="no targets"):
        Settings.read({"loss": "wasserstein", "remedy": "smoothing"})


def test_the_process_ends_with_the_app_and_a_dead_one_is_replaced():
    here = view.Points()
    name = here.answer({"do": "begin"})["name"]
    play = {"do": "play", "name": name, "settings": {"data": "grid25"}, "steps": 2, "who": "both"}
    assert here.answer(play)["step"] == 2
    assert here.answer(play)["count"] == 25
    here.worker.process.kill()
    here.worker.process.wait()
    again = here.answer(play)
    assert again["step"] == 2  # from the start, in a new process
    process = here.worker.process
    process.stdin.close()  # as when the app is gone
    assert process.wait(60) == 0
    here.worker.stop()


# ---- The training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("remedy", REMEDIES)
def test_every_switch_trains(loss, remedy):
    try:
        chosen = Settings.read({"loss": loss, "remedy": remedy, "k": 2})
    except ValueError:
        assert remedy == "smoothing"
        return
    made = Training(chosen)
    made.play(60, 2)
    frame = made.frame()
    assert frame["step"] == 2
    assert len(frame["field"]) == training.FIELD**2
    assert len(frame["fake"]) == 2 * training.SHOWN
    assert any(frame["arrows"])
    assert (frame["gap"] is None) != (frame["right"] is None)
    assert all(0 <= level <= 255 for level in frame["field"])


def test_the_same_settings_give_the_same_points_however_they_are_sliced():
    whole, sliced = (Training(Settings.read({"remedy": "packing", "seed": "7"})) for _ in range(2))
    whole.play(60, 12)
    for steps in (1, 4, 7):
        sliced.play(60, steps)
        seen = sliced.frame()  # looking on moves nothing
    expected = whole.frame()
    assert seen | {"right": None} == expected | {"right": None}  # that is a mean over the steps since one looked
    other = Training(Settings.read({"remedy": "packing", "seed": "8"}))
    other.play(60, 12)
    assert other.frame()["fake"] != expected["fake"]


@pytest.mark.parametrize("who", ["D", "G"])
def test_one_player_alone_moves_nobody_else(who):
    made = Training(Settings.read({"loss": "wasserstein-gp", "k": "5"}))
    before = {name: [w.clone() for w in net.parameters()] for name, net in (("D", made.game.D), ("G", made.game.G))}
    made.play(60, 1, who)
    for name, net in (("D", made.game.D), ("G", made.game.G)):
        same = all(torch.equal(a, b) for a, b in zip(before[name], net.parameters(), strict=True))
        assert same == (name != who)


def test_the_arrows_point_to_where_g_pays_less():
    made = Training(Settings.read({}))
    made.play(60, 40)
    point = made.game.show(made.inputs)[: training.ARROWS]
    arrows = made.arrows(point)[:, :, None, None]

    def pays(at):
        return float(made.game.g_loss({"image": made.real, "fake": at})["g_fool"].detach())

    assert pays(point + 0.01 * arrows) < pays(point) < pays(point - 0.01 * arrows)


# ---- Presets and links ----------------------------------------------------------------------------------------------------


def test_presets_are_settings_and_each_says_what_to_look_for():
    for preset in PRESETS:
        assert set(asdict(Settings.read(dict(preset.values)))) == set(settings.FIELDS)
        assert preset.look.endswith(".")


def test_a_link_to_the_laboratory_is_read_by_its_own_script():
    state, notices = permalink.decode(
        {"v": "2", "tab": "lab", "loss": "wasserstein", "k": "5"}, {"zoo": [], "lab": []}, lambda _: ()
    )
    assert (state.tab, notices) == ("lab", [])


def test_the_trainings_process_knows_no_gradio():
    code = "import sys, ganzoo.ui.laboratory.bench; sys.exit('gradio' in sys.modules)"
    assert subprocess.run(["python", "-c", code], check=False).returncode == 0


# ---- Digits ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [None, {"do": "look"}, {"do": "keep", "name": "x"}, {"do": "play", "name": "x", "seed": "1"}])
def test_what_digits_cannot_give_is_one_line(asked):
    here = view.Digits(most=1)
    assert "\n" not in here.answer(asked)["error"]
    assert here.worker.process is None


def test_one_visitor_trains_digits_at_a_time():
    here = view.Digits(most=1)
    names = [here.answer({"do": "begin"})["name"] for _ in range(3)]
    assert [here.table.place(name) for name in names] == [0, 1, 2]


def test_digits_are_kept_for_three_minutes_and_a_minute_more_though_others_wait():
    ended, clock = [], Clock()
    made = Table(ended.append, clock, most=1, **view.DIGITS_LIMITS)
    trains, waits = made.join(), made.join()
    while clock.now < digits.SECONDS + 10:
        clock.now += table.QUIET / 2
        assert (made.place(trains), made.place(waits)) == (0, 1), clock.now
    for _ in range(11):  # it has ended, or is paused
        clock.now += table.QUIET / 2
        assert made.place(waits) == 1
    assert made.place(trains) == 0, "what it may keep"
    while not ended and clock.now < 400:
        clock.now += table.QUIET / 2
        made.place(waits)
    assert ended == [trains]
    assert clock.now <= view.DIGITS_LIMITS["turn"] + table.QUIET


def mnist_like(folder):
    """Files of the form of MNIST's with some noise in them."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split, n in (("train", 512), ("t10k", 64)):
        pictures = torch.randint(0, 256, (n, 28, 28), dtype=torch.uint8)
        header = b"".join(x.to_bytes(4, "big") for x in (0x803, n, 28, 28))
        (raw / f"{split}-images-idx3-ubyte").write_bytes(header + pictures.numpy().tobytes())
        labels = bytes(i % 10 for i in range(n))
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(b"".join(x.to_bytes(4, "big") for x in (0x801, n)) + labels)


def test_digits_are_an_ordinary_run_that_may_be_kept_and_resumed(tmp_path, monkeypatch):
    mnist_like(tmp_path)
    monkeypatch.setenv("GANZOO_DATA", str(tmp_path))
    before = torch.get_num_threads()
    made = digits.Digits(3)
    assert torch.get_num_threads() == os.cpu_count()
    try:
        made.play(0.5)
        frame = made.frame()
        assert frame["step"] > 0
        assert sum(frame["counts"]) == digits.JUDGED
        with zipfile.ZipFile(made.keep()) as packed:
            packed.extractall(tmp_path / "kept")
    finally:
        made.close()
        torch.set_num_threads(before)
    assert not made.parent.exists()
    kept = Run.open(tmp_path / "kept" / "digits")
    assert kept.engine.step == frame["step"]
    kept.engine.advance()
    kept.release()


def test_digits_that_cannot_be_had_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_DATA", str(tmp_path / "nowhere"))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    answer = bench.Bench().answer({"do": "digits", "name": "x", "seed": 0})
    assert "MNIST" in answer["error"]
    assert "\n" not in answer["error"]
