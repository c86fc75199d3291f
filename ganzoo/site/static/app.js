// The site: reads zoo.json and the address, shows the landing view or a model's page, and keeps the address up to date.
import { onLoading } from './engine.js';
import { keepFetched } from './files.js';
import { decode, encode } from './links.js';
import { page } from './page.js';
import { h } from './parts.js';

const main = document.querySelector('main');
const nav = document.querySelector('nav');
const footer = document.querySelector('footer');
let zoo;

function notice(lines) {
  if (!lines.length) return null;
  const few = [...lines.slice(0, 6), ...(lines.length > 6 ? [`and ${lines.length - 6} more`] : [])];
  const list = h(
    'ul',
    {},
    few.map((line) => h('li', {}, line)),
  );
  return h('div', { class: 'notice', role: 'alert' }, h('p', {}, 'Not everything in this link could be taken:'), list);
}

function landing() {
  const sections = zoo.groups.flatMap((group) => {
    const models = zoo.models.filter((m) => m.group === group.name);
    if (!models.length) return [];
    const cards = models.map((m) => {
      const shown = m.checkpoints[0].preview;
      const size = shown && { width: shown.side, height: shown.side };
      const image = shown && h('img', { src: shown.file, alt: `Pictures drawn by ${m.title}`, loading: 'lazy', ...size });
      const query = `?v=${zoo.version}&tab=${m.name}`;
      return h('a', { class: 'card', href: query }, image, h('b', {}, m.title), h('small', {}, m.year), h('span', {}, m.idea));
    });
    return [h('section', {}, h('h2', {}, group.title), h('p', {}, group.about), h('div', { class: 'cards' }, cards))];
  });
  const intro =
    'Generative adversarial networks that run in your browser: look at them, play with them, watch them learn. Nothing is sent anywhere.';
  return h('article', {}, h('h1', {}, 'The zoo'), h('p', { class: 'idea' }, intro), sections);
}

function mark(tab) {
  for (const a of nav.children) {
    if (a.dataset.tab === tab) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  }
  const current = nav.querySelector('[aria-current]');
  if (current) nav.scrollLeft = current.offsetLeft - nav.offsetLeft - (nav.clientWidth - current.clientWidth) / 2;
}

// Show what the address says.
function show() {
  const state = decode(location.search, zoo);
  document.title = state.model ? `${state.model.title} · ${zoo.title}` : zoo.title;
  mark(state.model?.name ?? 'zoo');
  const said = notice(state.notices);
  if (!state.model) {
    main.replaceChildren(...[said, landing()].filter(Boolean));
    return;
  }
  const shown = page(state, zoo, (query, how) => (how === 'open' ? go(query) : history.replaceState(null, '', query)));
  loading.of = state.checkpoint.network.file;
  main.replaceChildren(...[said, loading.element, shown.root].filter(Boolean));
  shown.open();
}

function go(query) {
  history.pushState(null, '', query || location.pathname);
  show();
}

// How much of a network is here.
const loading = {
  element: h('progress', { max: 1, value: 0, 'aria-label': 'The network is fetched', hidden: true }),
  of: '',
};
onLoading(({ network, loaded }) => {
  if (network !== loading.of) return;
  loading.element.hidden = loaded >= 1;
  loading.element.value = loaded;
});

// Links within the site need no visit to another page.
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href]');
  if (!link || !zoo || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const to = new URL(link.href);
  if (to.origin + to.pathname !== location.origin + location.pathname || to.hash || link.hasAttribute('download')) return;
  event.preventDefault();
  go(to.search);
  main.focus({ preventScroll: true });
  scrollTo({ top: 0 });
});
addEventListener('popstate', show);

async function start() {
  try {
    const response = await fetch('zoo.json');
    if (!response.ok) throw new Error(`the server says ${response.status}`);
    zoo = await response.json();
  } catch (error) {
    main.replaceChildren(
      h('p', { class: 'notice', role: 'alert' }, `The list of the zoo cannot be read (${error.message}); load the page again.`),
    );
    return;
  }
  const tabs = zoo.models.map((m) => h('a', { href: `?v=${zoo.version}&tab=${m.name}`, 'data-tab': m.name }, m.title));
  nav.replaceChildren(h('a', { href: './', 'data-tab': 'zoo' }, 'The zoo'), ...tabs);
  document.querySelector('.brand').ariaLabel = `${zoo.title}: the zoo`;
  document.querySelector('.brand span').textContent = zoo.title;
  const app = zoo.app ? [' It is also ', h('a', { href: zoo.app }, 'an app on a server'), ', with more views.'] : [];
  footer.replaceChildren(
    h('p', {}, 'Every picture is drawn on your own machine. After a first visit it works offline.', ...app),
  );
  show();
  if (!('serviceWorker' in navigator)) return; // then not offline
  navigator.serviceWorker.addEventListener('controllerchange', () => keepFetched().catch(() => null));
  navigator.serviceWorker.register('sw.js').catch(() => null);
}

window.zoo = { encode, decode, facts: () => zoo };
start();
