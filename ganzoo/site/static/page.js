// The page of a model: its pictures beside their controls, the walk, the training, and what is to be known of it.
import { paintGrid, paintRow } from './canvas.js';
import { ask } from './engine.js';
import { ANY, blurs, defaultsOf, drawingOf, encode, STEP, walks } from './links.js';
import { bold, button, choice, dice, h, seedBox, slider, textBox } from './parts.js';
import { pictureControls, pictureOf } from './picture.js';
import { line, MIXED } from './words.js';

const WAIT = 60; // ms without a further change until it is drawn

// said: {model, checkpoint, values} as `decode` gives it; changed(query, how) writes the address.
export function page(said, zoo, changed) {
  const state = { ...said, own: {} }; // own: pictures of the visitor's by input, which no link has
  const { model, checkpoint, values } = state;
  const write = () => changed(encode({ model, checkpoint, values }, zoo));
  const change = (key, value, ...then) => {
    values[key] = value;
    write();
    for (const work of then) later(work);
  };
  const pictures = new Pictures(state, zoo);
  const walk = walks(checkpoint) ? new Walk(state, zoo, change) : null;
  const training = checkpoint.timeline ? new Training(state, change) : null;
  const title = h('h1', {}, model.title, ' ', h('small', {}, model.year));
  const idea = h(
    'div',
    { class: 'idea' },
    h('p', {}, model.idea),
    model.more && h('details', {}, h('summary', {}, 'More about the idea'), h('p', {}, model.more)),
  );
  const controls = h('section', { class: 'controls', 'aria-label': 'Controls' }, controlsOf());
  const columns = h('div', { class: 'columns' }, pictures.element, controls);
  const more = h('div', { class: 'columns below' }, walk?.element ?? null, training?.element ?? null);
  const root = h('article', {}, title, idea, columns, more, facts(model, checkpoint, zoo, values));

  function controlsOf() {
    const parts = [];
    if (model.checkpoints.length > 1) {
      const named = model.checkpoints.map((c) => c.data);
      const isAlone = (data) => named.filter((other) => other === data).length === 1;
      const options = model.checkpoints.map((c) => [c.name, isAlone(c.data) ? c.data : `${c.data}, ${c.side} pixels`]);
      const other = (name) => {
        const next = model.checkpoints.find((c) => c.name === name);
        const known = defaultsOf(next, zoo);
        const drawn = checkpoint.inputs.filter((x) => x.type === 'Picture').map(drawingOf);
        const same = ['seed', 'n', 'text', ...drawn].filter((key) => key in known && key in values);
        const kept = Object.fromEntries(same.map((key) => [key, values[key]]));
        changed(encode({ model, checkpoint: next, values: { ...known, ...kept } }, zoo), 'open');
      };
      parts.push(choice('trained on', options, checkpoint.name, other).element);
    }
    for (const x of checkpoint.inputs) {
      if (x.type === 'Choice') {
        const options = [[ANY, ANY], ...x.options.map((o, i) => [o, x.labels[i]])];
        const drawAnew = (v) => change(x.name, v, pictures, ...(walk ? [walk] : []));
        parts.push(choice(x.name, options, values[x.name], drawAnew).element);
      }
      if (x.type === 'Picture') {
        const done = { change: (key, v) => change(key, v, pictures), look: () => pictures.draw() };
        parts.push(...pictureControls(x, state, zoo, done));
      }
      if (x.type === 'Text') parts.push(...captionControls(x));
      if (x.type === 'Code') {
        const range = { min: x.low, max: x.high, step: STEP, value: values[x.name], show: (v) => String(+v.toFixed(2)) };
        parts.push(slider(x.label, range, (v) => change(x.name, v, pictures)).element);
      }
    }
    const hint = 'the same number always draws the same picture';
    const seed = seedBox('picture number', values.seed, (v) => change('seed', v, pictures), hint);
    const roll = () => {
      const number = dice();
      seed.set(number);
      change('seed', number, pictures);
    };
    const n = slider('how many', { min: 1, max: zoo.most, step: 1, value: values.n }, (v) => change('n', v, pictures));
    return [...parts, seed.element, n.element, button('🎲 Draw others', roll, 'primary')];
  }

  // A box for a caption, captions to try, a style, and how much the caption is blurred.
  function captionControls(x) {
    const say = (text) => {
      try {
        change(x.name, text.trim() ? line(x, text) : '', pictures);
        box.setCustomValidity('');
      } catch (error) {
        box.setCustomValidity(error.message);
        box.reportValidity();
      }
    };
    const { element, box } = textBox('say what to draw', values[x.name], 'anything: captions by lot', x.length, say);
    const chips = x.suggestions.map((text) =>
      button(text, () => {
        box.value = text;
        say(text);
      }),
    );
    const found = [element, h('div', { class: 'chips field' }, chips)];
    if (x.styles.length) {
      const options = [ANY, MIXED, ...x.styles].map((s) => [s, s]);
      found.push(choice('style', options, values.style, (v) => change('style', v, pictures)).element);
    }
    if (blurs(checkpoint)) {
      const range = { min: 0, max: zoo.strongest, step: STEP, value: values.epsilon, show: (v) => String(+v.toFixed(2)) };
      const label = 'blur of the caption: 0 takes it exactly, 1 is as in training';
      found.push(slider(label, range, (v) => change('epsilon', v, pictures)).element);
    }
    return found;
  }

  return {
    root,
    // What it shows at first; the walk when it comes near to the screen.
    open() {
      pictures.showFirst();
      pictures.draw();
      walk?.drawWhenNear();
      training?.draw();
    },
  };
}

const timers = new Map();
function later(work) {
  clearTimeout(timers.get(work));
  timers.set(
    work,
    setTimeout(() => work.draw(), WAIT),
  );
}

// What the controls fix of the inputs, as the worker takes it: of a choice the option's number.
function fixedOf(state, kinds) {
  const { values } = state;
  const fixed = {};
  for (const x of state.checkpoint.inputs) {
    if (!kinds.includes(x.type)) continue;
    if (x.type === 'Choice' && values[x.name] !== ANY) fixed[x.name] = x.options.indexOf(values[x.name]);
    if (x.type === 'Code') fixed[x.name] = values[x.name];
    if (x.type === 'Text' && values[x.name]) fixed[x.name] = values[x.name];
    const picture = x.type === 'Picture' ? pictureOf(x, state) : undefined;
    if (picture !== undefined) fixed[x.name] = picture;
  }
  return fixed;
}

class Pictures {
  constructor(state, zoo) {
    this.state = state;
    this.zoo = zoo;
    this.canvas = h('canvas', { role: 'img', 'aria-label': `Pictures drawn by ${state.model.title}`, width: 560, height: 560 });
    this.status = h('p', { role: 'status', class: 'aside' }, '');
    const save = () => this.canvas.toBlob((blob) => download(blob, `${state.checkpoint.name}-${state.values.seed}.png`));
    const buttons = h(
      'div',
      { class: 'buttons' },
      button('Copy link', () => this.copy()),
      button('Save', save),
    );
    this.source = state.checkpoint.inputs.find((x) => x.type === 'Picture');
    this.given = h('canvas', { role: 'img', 'aria-label': 'What they are made from', width: 560, height: 560 });
    const beside = (text, canvas) => h('div', {}, canvas, h('p', { class: 'aside' }, text));
    const shown = this.source
      ? h('div', { class: 'pair' }, beside('from this', this.given), beside('it makes this', this.canvas))
      : this.canvas;
    this.element = h('figure', { class: 'drawn', 'aria-busy': 'true' }, shown, h('figcaption', {}, this.status, buttons));
    this.isDrawing = false;
    this.isStale = false;
  }

  // What a visit without a wish draws, as it was drawn when the site was made, until the network is there.
  async showFirst() {
    const { model, checkpoint, values } = this.state;
    const plain = encode({ model, checkpoint, values: defaultsOf(checkpoint, this.zoo) }, this.zoo);
    if (!checkpoint.first || encode({ model, checkpoint, values }, this.zoo) !== plain) return;
    const image = new Image();
    image.src = checkpoint.first.file;
    try {
      await image.decode();
    } catch {
      return; // the network draws the same
    }
    const { naturalWidth: width, naturalHeight: height } = image;
    const context = new OffscreenCanvas(width, height).getContext('2d');
    context.drawImage(image, 0, 0);
    if (this.element.hasAttribute('aria-busy') && !this.canvas.dataset.query)
      paintGrid(this.canvas, { pixels: context.getImageData(0, 0, width, height).data, width, height: width });
  }

  // Of all that is asked for while it draws, the last is drawn next.
  async draw() {
    this.isStale = true;
    if (this.isDrawing) return;
    this.isDrawing = true;
    while (this.isStale) {
      this.isStale = false;
      await this.drawNow();
    }
    this.isDrawing = false;
  }

  async drawNow() {
    const { checkpoint, values, model } = this.state;
    const fixed = fixedOf(this.state, ['Choice', 'Code', 'Text', 'Picture']);
    const style = values.style && values.style !== ANY ? values.style : '';
    const scales = blurs(checkpoint) ? { epsilon: values.epsilon } : {};
    const { n, seed } = values; // while it draws, they may become others
    const query = encode({ model, checkpoint, values }, this.zoo);
    this.element.setAttribute('aria-busy', 'true');
    try {
      const drawn = await ask('pictures', checkpoint, this.zoo, { n, seed, fixed, style, scales });
      if (!drawn) return;
      paintGrid(this.canvas, drawn.drawn);
      if (this.source) paintGrid(this.given, drawn.sources);
      this.canvas.dataset.query = query; // what it shows
      const many = n > 1 ? `Pictures ${seed} to ${seed + n - 1}` : `Picture ${seed}`;
      this.status.textContent = `${many}, drawn here in ${Math.max(1, Math.round(drawn.ms))} ms.`;
    } catch (error) {
      this.status.textContent = `Nothing was drawn. ${error.message}`;
      this.canvas.getContext('2d').clearRect(0, 0, this.canvas.width, this.canvas.height);
    }
    this.element.removeAttribute('aria-busy');
  }

  async copy() {
    const query = encode(this.state, this.zoo, this.state.checkpoint.revision);
    const link = location.origin + location.pathname + query;
    try {
      await navigator.clipboard.writeText(link);
      const isWhole = !Object.keys(this.state.own).length;
      const without = 'The link is copied, without your own picture, which stays here.';
      this.status.textContent = isWhole ? 'The link is copied. It draws these pictures for ever.' : without;
    } catch {
      this.status.textContent = link;
      getSelection().selectAllChildren(this.status);
    }
  }
}

function download(blob, name) {
  const url = URL.createObjectURL(blob);
  h('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

class Walk {
  constructor(state, zoo, change) {
    const { checkpoint, values } = state;
    this.state = state;
    this.zoo = zoo;
    this.canvas = h('canvas', { role: 'img', 'aria-label': 'The picture on the way', width: 280, height: 280 });
    this.at = values.at ?? zoo.frames >> 1;
    const show = (i) => `${Math.round((100 * i) / (zoo.frames - 1))} % of the way`;
    this.slider = slider('from one to the other', { min: 0, max: zoo.frames - 1, step: 1, value: this.at, show }, (i) => {
      this.at = i;
      change('at', i);
      this.show();
    });
    this.from = seedBox('from', values.from, (v) => change('from', v, this));
    this.to = seedBox('to', values.to, (v) => change('to', v, this));
    const elsewhere = () => {
      for (const key of ['from', 'to']) {
        const number = dice();
        this[key].set(number);
        change(key, number, this);
      }
    };
    const about = 'Every number is a point. Drag from one to another: what is between them is drawn too.';
    const ends = h('div', { class: 'ends' }, this.from.element, this.to.element, button('🎲 Elsewhere', elsewhere));
    this.status = h('p', { role: 'status', class: 'aside' });
    this.element = h(
      'section',
      {},
      h('h2', {}, 'Walk'),
      h('p', {}, about),
      this.canvas,
      this.slider.element,
      ends,
      this.status,
    );
    this.side = checkpoint.side;
  }

  // The picture where the slider is comes first, and then all of them.
  async draw() {
    const { checkpoint, values } = this.state;
    const { frames } = this.zoo;
    const fixed = fixedOf(this.state, ['Choice']);
    this.pixels = null;
    const all = Array.from({ length: frames }, (_, i) => i);
    try {
      for (const at of [[this.at], all]) {
        const walk = { from: values.from, to: values.to, at, frames };
        const drawn = await ask(at === all ? 'walk' : 'step', checkpoint, this.zoo, { walk, fixed });
        if (!drawn) return;
        if (at === all) this.pixels = drawn.drawn.pixels;
        else paintGrid(this.canvas, drawn.drawn);
      }
      this.status.textContent = '';
      this.show();
    } catch (error) {
      this.status.textContent = `Nothing was drawn. ${error.message}`;
    }
  }

  show() {
    const [width, height, size] = [this.side, this.side, 4 * this.side ** 2];
    if (this.pixels) paintGrid(this.canvas, { pixels: this.pixels.slice(this.at * size, (this.at + 1) * size), width, height });
    this.canvas.dataset.at = this.at;
  }

  drawWhenNear() {
    const seen = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        seen.disconnect();
        this.draw();
      },
      { rootMargin: '200px' },
    );
    seen.observe(this.element);
  }
}

class Training {
  constructor({ checkpoint, values }, change) {
    this.facts = checkpoint.timeline;
    const last = this.facts.steps.length - 1;
    this.at = values.shot ?? last;
    this.canvas = h('canvas', {
      role: 'img',
      'aria-label': 'What it drew at that step of its training',
      width: 280,
      height: 280,
    });
    const show = (i) => `step ${this.facts.steps[i].toLocaleString('en')}`;
    const steps = slider('in its training', { min: 0, max: last, step: 1, value: this.at, show }, (i) => {
      this.at = i;
      change('shot', i);
      this.draw();
    });
    const said = 'Its pictures cannot be fetched now; move the slider when there is a network again.';
    this.problem = h('p', { class: 'notice', role: 'alert', hidden: true }, said);
    const about = [h('h2', {}, 'Watch it learn'), h('p', {}, this.facts.about)];
    this.element = h('section', {}, ...about, this.problem, this.canvas, steps.element);
  }

  async draw() {
    if (!this.strip) {
      this.strip = new Image();
      this.strip.src = this.facts.file;
    }
    try {
      await this.strip.decode();
    } catch {
      this.strip = undefined;
      this.problem.hidden = false;
      return;
    }
    this.problem.hidden = true;
    paintRow(this.canvas, this.strip, this.at, this.facts.side, this.facts.columns);
    this.canvas.dataset.shot = this.at;
  }
}

function facts(model, checkpoint, zoo, values) {
  const { paper } = model;
  const authors = paper.authors.split(', ');
  const by = authors.length > 3 ? `${authors[0]} and others` : paper.authors;
  const link = h('a', { href: paper.url, rel: 'noopener' }, paper.title);
  const elsewhere = zoo.app
    ? h(
        'p',
        {},
        'More views, on a server: ',
        h('a', { href: zoo.app.split('?')[0] + encode({ model, checkpoint, values }, zoo) }, 'the same in the app'),
        '.',
      )
    : null;
  const parts = [
    h('h2', {}, 'What to know of it'),
    h(
      'ul',
      {},
      checkpoint.glance.map((line) => h('li', {}, bold(line))),
    ),
    h('p', {}, h('b', {}, 'Limits. '), model.limits),
    h('p', {}, h('b', {}, 'Paper. '), `${by}, ${paper.year}: `, link),
    h(
      'p',
      { class: 'aside' },
      `${checkpoint.name}, weights ${checkpoint.revision}, licence ${checkpoint.license}; trained on ${checkpoint.data}.`,
    ),
    h(
      'p',
      { class: 'aside' },
      'The network as ONNX: ',
      h('a', { href: checkpoint.network.file, download: `${checkpoint.name}.onnx` }, `${checkpoint.name}.onnx`),
      `, ${(checkpoint.network.bytes / 1e6).toFixed(1)} MB.`,
    ),
    elsewhere,
  ];
  return h('section', { class: 'facts' }, parts.filter(Boolean));
}
