// The landing view as soon as the page is there: of what the page says of it, long before Gradio's scripts have come and build
// it. It lies over what they build, and goes when that has its pictures.
const OPENS_A_TAB = ['tab', 'm'];
const config = window.gradio_config;
const asked = new URLSearchParams(location.search);
const isDark = asked.get('__theme') === 'dark' || (!asked.has('__theme') && matchMedia('(prefers-color-scheme: dark)').matches);

// The row of tabs, as links.
const tabs = () => {
  const items = config.components.filter(({ type, props }) => type === 'tabitem' && props.elem_id?.startsWith('tab-'));
  return items.map(({ props: { id, label } }) => `<a href="?tab=${id}" data-tab="${id}">${label}</a>`).join('');
};

const show = (head, landing) => {
  const theme = document.createElement('link');
  theme.rel = 'stylesheet';
  theme.href = `theme.css?v=${config.theme_hash}`; // as Gradio asks for it
  const style = document.createElement('style');
  style.textContent = `${config.css} gradio-app { visibility: hidden }`; // what moves while it is being built, nobody sees
  const view = document.createElement('div');
  view.id = 'zoo-first';
  view.innerHTML = `<div class="zoo-head">${head}</div><nav>${tabs()}</nav><div class="zoo-landing">${landing}</div>`;
  for (const named of view.querySelectorAll('[id]')) {
    named.className = named.id; // the id will be that of what Gradio builds
    named.removeAttribute('id');
  }
  view.querySelector('input').disabled = true;
  for (const picture of view.querySelectorAll('img')) picture.fetchPriority = 'high';
  const cover = document.createElement('div');
  cover.id = 'zoo-cover';
  cover.className = isDark ? 'dark' : '';
  cover.append(view);
  document.head.append(theme, style);
  document.body.append(cover);
  return [cover, style];
};

const isThere = () => {
  const pictures = [...document.querySelectorAll('#zoo-landing img')].slice(0, 4);
  return pictures.length > 0 && pictures.every((picture) => picture.complete);
};

// As a click on a card of what Gradio has built would.
const openTab = (tab) => {
  if (!window.zoo.ready) window.zoo.pendingTab = tab;
  window.zoo.tabButton(tab)?.click();
};

const untilBuilt = (made) => {
  let card = '';
  made[0].addEventListener('click', (event) => {
    const chosen = event.target.closest('a[data-tab]');
    if (!chosen || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    card = chosen.dataset.tab;
    chosen.setAttribute('aria-busy', 'true');
  });
  const wait = () => {
    if (!isThere()) {
      requestAnimationFrame(wait);
      return;
    }
    for (const part of made) part.remove();
    if (card) openTab(card);
  };
  requestAnimationFrame(wait);
};

if (config && !OPENS_A_TAB.some((key) => asked.has(key))) {
  const parts = ['zoo-head', 'zoo-landing'].map(
    (id) => config.components.find(({ props }) => props.elem_id === id)?.props.value,
  );
  if (parts.every(Boolean)) untilBuilt(show(...parts));
}
