// The page's address follows what its tabs show, and a link restores it: the browser's half of links.py, in the form of
// permalink.py. `settings` come from links.head().
const settings = JSON.parse(document.getElementById('zoo-settings').textContent);

// Keys of a link that do not say what a tab's controls show.
const NO_STATE = ['v', 'tab', 'w'];

const zoo = {
  ready: false, // the address has been read: from now on it follows the controls
  reason: 'visit', // why the address is read: the first 'visit', or 'back' and forward in the history
  currentTab: '',
  pendingTab: '', // where a visitor turned to before the address was read
  queryByTab: {}, // what the address is when a tab is turned to
  framesByTab: {}, // which picture of a row is shown: tab -> key -> index
  filled: new Set(), // tabs whose pictures were asked for
  isDrawing: false, // what the address says is being drawn, all of its tab
  wentBack: false, // in the history, before the address was read
  timers: {},

  tabButtons() {
    return [...document.querySelectorAll('[role=tab][data-tab-id]')].filter((b) => !b.closest('[aria-hidden=true]'));
  },
  tabButton(tab) {
    return zoo.tabButtons().find((b) => b.dataset.tabId === tab);
  },
  defaultQuery(tab) {
    if (tab === zoo.tabButtons()[0].dataset.tabId) return '';
    return `v=${settings.version}&tab=${encodeURIComponent(tab)}`;
  },
  // The tab that the address names; the first one, if it names none that there is.
  addressedTab() {
    const tab = new URLSearchParams(location.search).get('tab');
    return zoo.tabButton(tab) ? tab : zoo.tabButtons()[0].dataset.tabId;
  },
  queryOf(tab) {
    return zoo.queryByTab[tab] ?? zoo.defaultQuery(tab);
  },
  // The address without what is Gradio's own.
  currentQuery() {
    const params = new URLSearchParams(location.search);
    for (const key of settings.notOurs) params.delete(key);
    return params.toString();
  },
  // method: 'pushState' or 'replaceState'. The Hub's page around a Space is told, too.
  writeAddress(method, query) {
    const old = new URLSearchParams(location.search);
    const params = new URLSearchParams(query);
    for (const key of ['__theme', 'view']) if (old.has(key)) params.set(key, old.get(key));
    const search = params.toString() ? `?${params}` : '';
    if (search !== location.search) history[method](history.state, '', location.pathname + search + location.hash);
    if (window.parent === window) return;
    window.parent.postMessage({ queryString: query ? `?${query}` : '', hash: location.hash }, 'https://huggingface.co');
  },

  // The revision of the weights that drew what a tab shows; of this checkpoint, if one is given.
  revision(tab, checkpoint) {
    const drawn = document.querySelector(`#${tab}-info [data-revision]`)?.dataset;
    return drawn && (!checkpoint || drawn.checkpoint === checkpoint) ? drawn.revision : '';
  },
  toText(value) {
    if (value === null || value === undefined) return '';
    if (Array.isArray(value)) return value.join('~');
    return typeof value === 'number' ? String(+value.toFixed(4)) : String(value);
  },
  hasState(query) {
    return [...new URLSearchParams(query).keys()].some((key) => !NO_STATE.includes(key));
  },
  // A link's keys in their order: v, tab, m, w, then what the controls say.
  compose(tab, values, revision) {
    const { m, ...others } = values;
    const params = new URLSearchParams({ v: settings.version, tab });
    if (m) params.set('m', m);
    if (revision) params.set('w', revision);
    for (const [key, value] of Object.entries(others)) params.set(key, value);
    return params.toString();
  },
  // What a visitor is quick to do waits for the address to be read; what a link does is in it already.
  debounce(key, work) {
    clearTimeout(zoo.timers[key]);
    zoo.timers[key] = setTimeout(() => {
      if (zoo.ready) work();
      else if (zoo.reason === 'visit' && !zoo.hasState(zoo.currentQuery())) zoo.debounce(key, work);
    }, 100);
  },
  setQuery(tab, query) {
    zoo.queryByTab[tab] = zoo.withFrames(tab, query);
    if (zoo.currentTab === tab) zoo.writeAddress('replaceState', zoo.queryByTab[tab]);
  },
  withFrames(tab, query) {
    const params = new URLSearchParams(query);
    for (const [key, i] of Object.entries(zoo.framesByTab[tab] || {})) {
      if (i === '') params.delete(key);
      else params.set(key, i);
    }
    if (!zoo.hasState(params)) return zoo.defaultQuery(tab);
    return params.has('tab') ? params.toString() : zoo.compose(tab, Object.fromEntries(params), '');
  },

  // ---- What the page calls ----------------------------------------------------------------------------------------

  // A tab's controls have these values. keys: of a link; defaults: of each key by checkpoint; blank: keys that may say nothing.
  onControls({ tab, keys, defaults, blank, checkpoints }, values) {
    zoo.debounce(tab, () => {
      const changed = {};
      const at = checkpoints.indexOf(values[0]);
      keys.forEach((key, i) => {
        const text = zoo.toText(values[i]);
        if ((text !== '' || blank.includes(key)) && text !== defaults[i][at]) changed[key] = text;
      });
      const query = zoo.compose(tab, changed, zoo.revision(tab, values[0]));
      zoo.setQuery(tab, Object.keys(changed).length ? query : zoo.defaultQuery(tab));
    });
  },
  // Picture i of a row is shown; '' where the row starts by itself.
  onFrame(tab, key, i) {
    zoo.framesByTab[tab] = { ...zoo.framesByTab[tab], [key]: i };
    zoo.debounce(tab + key, () => zoo.setQuery(tab, zoo.queryOf(tab)));
  },
  onTab(tab) {
    const query = new URLSearchParams(zoo.currentQuery());
    if (zoo.ready || (!zoo.hasState(query) && (query.get('tab') || tab) === tab)) zoo.fill(tab);
    if (!zoo.ready || tab === zoo.currentTab) return;
    zoo.currentTab = tab;
    zoo.writeAddress('pushState', zoo.queryOf(tab));
  },
  // Gradio's load event can be answered before all of the page is there (3 visits in some 70): what is to be pressed is
  // waited for.
  press(id) {
    const button = document.getElementById(id);
    if (button) button.click();
    else setTimeout(() => zoo.press(id), 20);
  },
  // Ask once for what a tab shows at first.
  fill(tab) {
    if (zoo.filled.has(tab)) return;
    zoo.filled.add(tab);
    zoo.press(`zoo-fill-${tab}`);
  },
  // The controls say what the address says; its pictures are next. moved: the query of what an old link names, if its
  // checkpoint is in another tab now.
  onRestored(moved) {
    if (!zoo.tabButtons().length) {
      setTimeout(() => zoo.onRestored(moved), 20);
      return;
    }
    if (moved) zoo.writeAddress('replaceState', moved);
    zoo.isDrawing = zoo.hasState(zoo.currentQuery()) || zoo.reason !== 'visit';
    if (zoo.isDrawing) zoo.press('zoo-draw');
    else zoo.start();
  },
  // `ready` guards the address: Gradio tells of a tab when the page is loaded too, before the address was read.
  start() {
    if (zoo.pendingTab && zoo.tabButton(zoo.pendingTab)?.ariaSelected !== 'true') zoo.tabButton(zoo.pendingTab)?.click();
    const selected = zoo.tabButtons().find((b) => b.ariaSelected === 'true') || zoo.tabButtons()[0];
    const shownTab = zoo.pendingTab || selected.dataset.tabId;
    // What is shown is in the history already only where the address asks for it: who was quick is taken there below.
    const isNamed = new URLSearchParams(location.search).has('tab');
    zoo.currentTab = zoo.isDrawing && !isNamed ? shownTab : zoo.addressedTab();
    zoo.queryByTab[zoo.currentTab] = zoo.currentQuery();
    zoo.ready = true;
    zoo.reason = 'back';
    zoo.pendingTab = '';
    if (zoo.isDrawing) zoo.filled.add(zoo.currentTab);
    else zoo.fill(zoo.currentTab);
    zoo.isDrawing = false;
    zoo.onTab(shownTab); // who was quick is there already
    if (zoo.wentBack) {
      zoo.wentBack = false;
      zoo.onHistory();
    }
  },
  onHistory() {
    if (!zoo.ready) {
      zoo.wentBack = true;
      return;
    }
    const tab = zoo.addressedTab();
    if (zoo.queryOf(tab) === zoo.currentQuery()) {
      zoo.currentTab = tab;
      zoo.tabButton(tab).click();
      return;
    }
    zoo.ready = false;
    zoo.press('zoo-restore');
  },
  // The link to what a tab shows; it always says the weights.
  linkTo(tab) {
    const values = Object.fromEntries(new URLSearchParams(zoo.queryOf(tab)));
    for (const key of NO_STATE) delete values[key];
    return `?${zoo.compose(tab, values, zoo.revision(tab))}`;
  },
  home() {
    return settings.page || location.origin + location.pathname;
  },
  // Into the clipboard; where a browser does not let us, it is shown and selected.
  async copy(link, status) {
    try {
      await navigator.clipboard.writeText(link);
      status.textContent = 'Copied.';
      setTimeout(() => {
        status.textContent = '';
      }, 3000);
    } catch {
      status.textContent = link;
      getSelection().selectAllChildren(status);
    }
  },
  // The static site is lighter, where there is one; a checkpoint of the Hub (owner/name) is not on it.
  address(host, link) {
    const checkpoint = new URLSearchParams(link).get('m') ?? '';
    if (!settings.site || checkpoint.includes('/')) return host + link;
    const address = new URL(settings.site);
    address.search = link;
    address.hash = '';
    return address.href;
  },
  snippet(tab) {
    const host = settings.host || location.origin + location.pathname;
    const src = zoo.address(host, zoo.linkTo(tab)).replaceAll('&', '&amp;');
    return (
      `<iframe src="${src}" title="ganzoo" width="100%" height="900" style="border:0" loading="lazy"></iframe>

<!-- or the whole app, as an element -->
<script type="module" src="https://gradio.s3-us-west-2.amazonaws.com/${settings.gradio}/gradio.js"></` +
      `script>
<gradio-app src="${host}"></gradio-app>`
    );
  },
};
window.zoo = zoo;

window.addEventListener('popstate', () => zoo.onHistory());
// A visitor's click on a tab: what the address asks for may be answered after it.
document.addEventListener(
  'click',
  (event) => {
    const tab = event.isTrusted && !zoo.ready && event.target.closest?.('[role=tab][data-tab-id]');
    if (tab) zoo.pendingTab = tab.dataset.tabId;
  },
  true,
);
// A tab's pictures are asked for when the pointer rests on its name.
document.addEventListener('pointerover', (event) => {
  const tab = event.target.closest?.('[role=tab][data-tab-id]')?.dataset.tabId;
  clearTimeout(zoo.timers.rest);
  if (tab) zoo.timers.rest = setTimeout(() => zoo.ready && zoo.fill(tab), 150);
});
document.addEventListener('click', (event) => {
  const box = event.target.closest?.('.share-copy')?.closest('.share');
  if (!box) return;
  zoo.copy(zoo.home() + zoo.linkTo(box.dataset.tab), box.querySelector('[role=status]'));
});
document.addEventListener(
  'toggle',
  (event) => {
    const box = event.target.closest?.('.share');
    if (box && event.target.open) box.querySelector('pre').textContent = zoo.snippet(box.dataset.tab);
  },
  true,
);
