// A click on a picture of a tab's grid asks for a closer look at it (views/closer.py), which then answers its own buttons.
const shownTab = (element) => element.closest?.('[id^="tab-"]')?.id.slice(4);
const closer = {
  at: 0,
  ask(tab, at) {
    closer.at = at;
    document.getElementById(`${tab}-look`)?.click();
  },
  // What the event is sent: which picture, of those that are shown; a seed that was only typed is not yet one of them.
  asked(tab, [checkpoint, seed, n, ...values]) {
    const drawn = document.querySelector(`#${tab}-info [data-revision]`)?.dataset;
    const shown = drawn?.checkpoint === checkpoint ? [Number(drawn.seed), Number(drawn.n)] : [seed, n];
    return [String(closer.at), checkpoint, ...shown, ...values];
  },
  // Which picture of a grid lies under a point of the screen; -1 where there is none.
  under(image, n, x, y) {
    const box = image.getBoundingClientRect();
    const scale = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
    const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
    const columns = Math.ceil(Math.sqrt(n));
    const across = Math.floor(((x - box.left - (box.width - width) / 2) / width) * columns);
    const down = Math.floor(((y - box.top - (box.height - height) / 2) / height) * Math.ceil(n / columns));
    const i = down * columns + across;
    return across >= 0 && across < columns && i >= 0 && i < n ? i : -1;
  },
  // The address of one picture alone: of the controls, without what other views show.
  link(tab, seed) {
    const values = Object.fromEntries(new URLSearchParams(window.zoo.queryOf(tab)));
    for (const key of ['v', 'tab', 'w', 'from', 'to', 'at', 'shot', 'text2', 'drawing']) delete values[key];
    return `?${window.zoo.compose(tab, { ...values, seed, n: 1 }, window.zoo.revision(tab))}`;
  },
  // The walk begins or ends here.
  walk(tab, end, seed) {
    const box = document.querySelector(`#${tab}-${end} input`);
    box.value = seed;
    box.dispatchEvent(new Event('input', { bubbles: true }));
    box.dispatchEvent(new KeyboardEvent('keypress', { key: 'Enter', bubbles: true, cancelable: true }));
    document.getElementById(`${tab}-walk`).scrollIntoView({ block: 'center' });
  },
};
window.closer = closer;

let pressed = null;
document.addEventListener('pointerdown', (event) => {
  pressed = [event.clientX, event.clientY];
});
document.addEventListener('click', (event) => {
  const tab = shownTab(event.target);
  const grid = tab && event.target.closest(`#${tab}-picture, #${tab}-pair`);
  if (!grid || event.target.closest('.icon-button-wrapper, .handle-wrap')) return;
  if (pressed && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > 5) return; // it was dragged
  const image = grid.querySelector('img');
  const n = Number(document.querySelector(`#${tab}-info [data-n]`)?.dataset.n);
  const i = image && n ? closer.under(image, n, event.clientX, event.clientY) : -1;
  if (i >= 0) closer.ask(tab, i);
});
document.addEventListener('click', (event) => {
  const button = event.target.closest?.('.closer button');
  if (!button) return;
  const tab = shownTab(button);
  const { look, step, walk, link } = button.dataset;
  const seed = button.closest('.closer').querySelector('h3')?.textContent.replace(/\D/g, '');
  if (look) closer.ask(tab, Number(look));
  if (step) closer.ask(tab, closer.at + Number(step));
  if (walk) closer.walk(tab, walk, seed);
  if (link !== undefined)
    window.zoo.copy(window.zoo.home() + closer.link(tab, seed), button.parentElement.querySelector('[role=status]'));
});
