"""Links in the page: opened, they restore a tab and draw its pictures; and the address bar follows the controls.

The browser keeps the address (SCRIPT), in the form of `permalink`; nothing is stored on the server. Two buttons that nobody
sees let the script ask for what the address says: first the controls (at once), then the pictures (in the queue).
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from ..hub.resolve import bundled
from ..inputs import Input
from . import permalink, play
from .controls import DRAWING, PRIVATE
from .permalink import State, written

if TYPE_CHECKING:
    from .views import Tab


@dataclass(frozen=True)
class Part:
    """Something that a tab shows of a checkpoint and of what its controls (by their key in a link) say."""

    shown: list[Any]
    keys: Sequence[str]
    draw: Callable[..., Any]


class Links:
    """Ties the tabs of a page to its address. tabs: by the model's name; None for one that is not trained."""

    def __init__(self, page: Any, bar: gr.Tabs, tabs: Mapping[str, tuple[gr.Tab, Tab | None]]) -> None:
        self.bar = bar
        self.tabs = {name: tab for name, (_, tab) in tabs.items()}
        self.checkpoints = {name: tab.names() if tab else [] for name, tab in self.tabs.items()}
        restore = gr.Button(visible="hidden", elem_id="zoo-restore")  # there for the script
        draw = gr.Button(visible="hidden", elem_id="zoo-draw")
        self.notice = gr.HTML("", visible=False, elem_id="zoo-notice")
        held = [c for tab in self.tabs.values() if tab for c in (tab.checkpoint, *tab.held.values())]
        shown = [c for tab in self.tabs.values() if tab for part in tab.parts for c in part.shown]
        for start, function in ((page.load, self.arrive), (restore.click, self.restore)):
            start(function, None, [bar, self.notice, *held], queue=False, **PRIVATE).then(
                None, js="() => zoo.restored()", **PRIVATE
            )
        drawn = draw.click(self.draw, draw, shown, js="() => [zoo.why]", **DRAWING, **PRIVATE)
        drawn.then(None, js="() => zoo.start()", **PRIVATE)
        for name, (place, tab) in tabs.items():
            place.select(None, js=f"() => {{ zoo.turn({json.dumps(name)}) }}", **PRIVATE)
            if tab:
                self.follow(name, tab)

    def follow(self, name: str, tab: Tab) -> None:
        """Let the address bar follow a tab's controls, without a word to the server."""
        names = [checkpoint.name for checkpoint in tab.checkpoints]
        defaults: list[list[str]] = [[tab.first] * len(names), *([] for _ in tab.held)]
        for checkpoint in names:
            known = permalink.fields(tab.inputs_of(checkpoint))
            for (key, box), values in zip(tab.held.items(), defaults[1:], strict=True):
                values.append(written(known[key].default if key in known else box.value))  # that is not shown: as it was
        blank = [key for key, field in permalink.fields(tab.inputs_of(tab.first)).items() if field.blank]
        facts = json.dumps([name, ["m", *tab.held], defaults, blank, names])
        controls = [tab.checkpoint, *tab.held.values()]
        changes = [*(c.change for c in controls), tab.said.change]
        gr.on(changes, None, controls, js=f"(...values) => {{ zoo.follow({facts}, values) }}", **PRIVATE)

    def read(self, request: gr.Request) -> tuple[State, list[str]]:
        return permalink.decode(dict(request.query_params), self.checkpoints, fitting)

    def arrive(self, request: gr.Request) -> dict[Any, Any]:
        """On a first visit: a plain address leaves the page as it is, so that nobody who was quick to turn to a tab is taken
        back."""
        return self.restore(request) if set(request.query_params) - set(permalink.NOT_OURS) else {self.notice: gr.skip()}

    def restore(self, request: gr.Request) -> dict[Any, Any]:
        """Select the tab and set its controls; say what was passed over."""
        state, notices = self.read(request)
        updates: dict[Any, Any] = {self.bar: gr.Tabs(selected=state.tab)}
        if tab := self.tabs[state.tab]:
            updates |= tab.restored(state.checkpoint, state.values)
            here = play.network(state.checkpoint)[0].revision
            if state.weights and state.weights != here:
                notices.append(
                    f"w={state.weights}: the link was made with other weights of {state.checkpoint} than are here ({here}): "
                    "its pictures are not the same"
                )
        updates[self.notice] = gr.HTML(told(notices), visible=bool(notices))
        return updates

    def draw(self, why: str, request: gr.Request) -> dict[Any, Any]:
        """Draw what the address says; on the first visit only what differs from what the page already shows."""
        state, _ = self.read(request)
        tab = self.tabs[state.tab]
        updates: dict[Any, Any] = {}
        for part in tab.parts if tab else ():
            if why != "visit" or state.checkpoint != tab.first or set(part.keys) & set(state.values):  # type: ignore[union-attr]
                values = {k: f.default for k, f in permalink.fields(tab.inputs_of(state.checkpoint)).items()} | state.values  # type: ignore[union-attr]
                drawn = part.draw(state.checkpoint, *(values.get(k) for k in part.keys))
                updates |= dict(zip(part.shown, drawn if len(part.shown) > 1 else [drawn], strict=True))
        return updates or {tab.said: gr.skip()} if tab else {}


def fitting(checkpoint: str) -> tuple[Input, ...]:
    """A checkpoint's inputs. ValueError if its tab has controls for others: somebody's model may have other knobs."""
    c, gan = play.network(checkpoint)
    takes = [x.name for x in gan.inputs]
    shown = [x.name for x in play.network(next(b.name for b in bundled() if b.spec.name == c.spec.name))[1].inputs]
    if takes != shown:
        raise ValueError(f"it takes {', '.join(takes)}; this tab has controls for {', '.join(shown)}")
    return gan.inputs


def told(notices: list[str]) -> str:
    """What was passed over in a link, for its visitor; the words are anybody's, so they are escaped."""
    few = notices[:6] + ([f"and {len(notices) - 6} more"] if len(notices) > 6 else [])
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in few)
    return f'<div class="notice" role="alert"><p>Not everything in this link could be taken:</p><ul>{lines}</ul></div>'


def share(name: str) -> gr.HTML:
    """A button that copies the link, and the lines that show this tab in another page."""
    return gr.HTML(
        f'<div class="share" data-tab="{html.escape(name)}"><button type="button" class="share-copy">Copy link</button>'
        '<span role="status"></span><details><summary>Show this in another page</summary><pre tabindex="0"></pre></details>'
        "</div>",
        elem_id=f"{name}-share",
    )


def home() -> dict[str, str]:
    """Where links lead: on a Space its page on the Hub, and for other pages the app itself. Empty elsewhere."""
    space, host = os.environ.get("SPACE_ID", ""), os.environ.get("SPACE_HOST", "")
    found = {"gradio": gr.__version__}
    if re.fullmatch(r"[\w.-]+/[\w.-]+", space):
        found["page"] = f"https://huggingface.co/spaces/{space}"
    if re.fullmatch(r"[\w.-]+", host):
        found["host"] = f"https://{host}/"
    return found


# `ready` guards the address: Gradio tells of a tab when the page is loaded too, before the address was read. Its load event
# can be answered before all of the page is there (3 visits in some 70), so what is to be pressed is waited for.
SCRIPT = """<script>
const zoo = window.zoo = {
  ready: false, why: 'visit', at: '', quick: '', own: {}, again: false, home: HOME, timers: {}, frames: {},
  buttons() {
    return [...document.querySelectorAll('[role=tab][data-tab-id]')].filter((b) => !b.closest('[aria-hidden=true]'));
  },
  button(tab) { return zoo.buttons().find((b) => b.dataset.tabId === tab); },
  plain(tab) { return tab === zoo.buttons()[0].dataset.tabId ? '' : 'v=1&tab=' + encodeURIComponent(tab); },
  mine() {
    const p = new URLSearchParams(location.search);
    NOT_OURS.forEach((k) => p.delete(k));
    return p.toString();
  },
  put(how, query) {
    const old = new URLSearchParams(location.search), p = new URLSearchParams(query);
    for (const k of ['__theme', 'view']) if (old.has(k)) p.set(k, old.get(k));
    const search = p.toString() ? '?' + p : '';
    if (search !== location.search) history[how](history.state, '', location.pathname + search + location.hash);
    if (window.parent !== window)
      window.parent.postMessage({ queryString: query ? '?' + query : '', hash: location.hash }, 'https://huggingface.co');
  },
  weights(tab, checkpoint) {
    const said = document.getElementById(tab + '-said')?.textContent || '';
    const found = said.match(/ (\\S+) · weights ([0-9a-f]{7}),/);
    return found && (!checkpoint || found[1] === checkpoint) ? found[2] : '';
  },
  write(v) {
    if (v === null || v === undefined) return '';
    return Array.isArray(v) ? v.join('~') : typeof v === 'number' ? String(+v.toFixed(4)) : String(v);
  },
  says() { return [...new URLSearchParams(zoo.mine()).keys()].some((k) => !['v', 'tab', 'w'].includes(k)); },
  soon(key, work) {  // what a visitor is quick to do waits for the address to be read; what a link does is in it already
    clearTimeout(zoo.timers[key]);
    zoo.timers[key] = setTimeout(() => {
      if (zoo.ready) work();
      else if (zoo.why === 'visit' && !zoo.says()) zoo.soon(key, work);
    }, 100);
  },
  follow([tab, keys, defaults, blank, checkpoints], values) {
    zoo.soon(tab, () => {
      const said = {}, at = checkpoints.indexOf(values[0]);
      keys.forEach((k, i) => {
        const s = zoo.write(values[i]);
        if ((s !== '' || blank.includes(k)) && s !== defaults[i][at]) said[k] = s;
      });
      const w = zoo.weights(tab, values[0]), p = new URLSearchParams({ v: 1, tab });
      if (said.m) p.set('m', said.m);
      if (w) p.set('w', w);
      for (const k in said) p.set(k, said[k]);
      zoo.own[tab] = zoo.framed(tab, Object.keys(said).length ? p.toString() : zoo.plain(tab));
      if (zoo.at === tab) zoo.put('replaceState', zoo.own[tab]);
    });
  },
  frame(tab, key, i) {
    zoo.frames[tab] = { ...zoo.frames[tab], [key]: i };
    zoo.soon(tab + key, () => {
      zoo.own[tab] = zoo.framed(tab, zoo.own[tab] ?? zoo.plain(tab));
      if (zoo.at === tab) zoo.put('replaceState', zoo.own[tab]);
    });
  },
  framed(tab, query) {
    const p = new URLSearchParams(query);
    for (const [k, i] of Object.entries(zoo.frames[tab] || {})) if (i === '') p.delete(k); else p.set(k, i);
    if (![...p.keys()].some((k) => !['v', 'tab', 'w'].includes(k))) return zoo.plain(tab);
    if (p.has('tab')) return p.toString();
    return new URLSearchParams([['v', 1], ['tab', tab], ...p]).toString();
  },
  turn(tab) {
    if (!zoo.ready || tab === zoo.at) return;
    zoo.at = tab;
    zoo.put('pushState', zoo.own[tab] ?? zoo.plain(tab));
  },
  press(id) {
    const button = document.getElementById(id);
    if (button) button.click(); else setTimeout(() => zoo.press(id), 20);
  },
  restored() {
    if (!zoo.buttons().length) { setTimeout(zoo.restored, 20); return; }
    if (zoo.says() || zoo.why !== 'visit') zoo.press('zoo-draw'); else zoo.start();
  },
  start() {
    if (zoo.quick && zoo.button(zoo.quick)?.ariaSelected !== 'true') zoo.button(zoo.quick)?.click();
    const now = zoo.quick || (zoo.buttons().find((b) => b.ariaSelected === 'true') || zoo.buttons()[0]).dataset.tabId;
    const said = new URLSearchParams(location.search).get('tab');
    zoo.at = zoo.button(said) ? said : now;
    zoo.own[zoo.at] = zoo.mine();
    zoo.ready = true;
    zoo.why = 'back';
    zoo.quick = '';
    zoo.turn(now);  // who was quick is there already
    if (zoo.again) { zoo.again = false; zoo.back(); }
  },
  back() {
    if (!zoo.ready) { zoo.again = true; return; }
    const tab = new URLSearchParams(location.search).get('tab') || zoo.buttons()[0].dataset.tabId;
    if (zoo.button(tab) && (zoo.own[tab] ?? zoo.plain(tab)) === zoo.mine()) { zoo.at = tab; zoo.button(tab).click(); return; }
    zoo.ready = false;
    zoo.press('zoo-restore');
  },
  link(tab) {
    const p = new URLSearchParams(zoo.own[tab] ?? zoo.plain(tab)), w = zoo.weights(tab);
    ['v', 'tab', 'w'].forEach((k) => p.delete(k));
    const q = new URLSearchParams({ v: 1, tab });
    if (p.has('m')) q.set('m', p.get('m'));
    if (w) q.set('w', w);
    p.forEach((v, k) => q.set(k, v));
    return '?' + q;
  },
};
window.addEventListener('popstate', () => zoo.back());
document.addEventListener('click', (e) => {  // a visitor's; what the address asks for may be answered after it
  const tab = e.isTrusted && !zoo.ready && e.target.closest && e.target.closest('[role=tab][data-tab-id]');
  if (tab) zoo.quick = tab.dataset.tabId;
}, true);
document.addEventListener('click', async (e) => {
  const box = e.target.closest && e.target.closest('.share-copy')?.closest('.share');
  if (!box) return;
  const link = (zoo.home.page || location.origin + location.pathname) + zoo.link(box.dataset.tab);
  const say = box.querySelector('[role=status]');
  try {
    await navigator.clipboard.writeText(link);
    say.textContent = 'Copied.';
    setTimeout(() => { say.textContent = ''; }, 3000);
  } catch { say.textContent = link; getSelection().selectAllChildren(say); }
});
document.addEventListener('toggle', (e) => {
  const box = e.target.closest && e.target.closest('.share');
  if (!box || !e.target.open) return;
  const host = zoo.home.host || location.origin + location.pathname;
  const src = (host + zoo.link(box.dataset.tab)).replaceAll('&', '&amp;');
  box.querySelector('pre').textContent =
`<iframe src="${src}" title="ganzoo" width="100%" height="900" style="border:0" loading="lazy"></iframe>

<!-- or the whole app, as an element -->
<script type="module" src="https://gradio.s3-us-west-2.amazonaws.com/${zoo.home.gradio}/gradio.js"><` + `/script>
<gradio-app src="${host}"></gradio-app>`;
}, true);
</script>"""


def script() -> str:
    return SCRIPT.replace("HOME", json.dumps(home()), 1).replace("NOT_OURS", json.dumps(permalink.NOT_OURS), 1)
