// What a network makes a picture from: a drawing, where it takes one, a picture of the visitor's own, which stays in the
// browser, or one of the examples that are kept. Whatever was done last counts: it clears what was done before.
import { paintGrid } from './canvas.js';
import { ask } from './engine.js';
import { ANY, drawingOf } from './links.js';
import drawOn from './pad.js';
import { button, choice, h } from './parts.js';
import { sketched, taken } from './sketch.js';
import bring from './upload.js';

// Run a script of the app's (ui/static/) on an element, as Gradio does; done(event) once it has another value.
function run(script, element, value, done) {
  const watching = [];
  const props = { value };
  script(element, props, done, (_, work) => watching.push(work));
  return {
    get value() {
      return props.value;
    },
    set value(text) {
      if (props.value === text) return;
      props.value = text;
      for (const work of watching) work();
    },
  };
}

// What is taken of what a visitor drew, brought or chose; undefined where the seed decides.
export function pictureOf(x, { values, own }) {
  if (values[drawingOf(x)]) return sketched(values[drawingOf(x)], x);
  if (own[x.name]) return own[x.name];
  return values[x.name] === ANY ? undefined : Number(values[x.name]);
}

async function read(address, x) {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return taken(context.getImageData(0, 0, canvas.width, canvas.height), x);
}

// A square to draw in, as pad.js finds its parts; done(event) after a stroke ('change') and within one ('input').
function padOf({ begin, face, ...settings }, value, done) {
  const { side } = settings;
  const canvas = h('canvas', { width: side, height: side, role: 'img', 'aria-label': 'Draw here' });
  const start = button(begin, () => {
    held.value = face;
    done('change');
  });
  const buttons = h('div', { class: 'buttons' }, start, button('Clear', null, 'pad-clear'));
  const pad = h('div', { class: 'pad', 'data-settings': JSON.stringify({ ...settings, live: true }) }, canvas, buttons);
  const element = h('div', {}, h('p', { class: 'aside' }, 'Draw outlines: it paints them while you draw.'), pad);
  const held = run(drawOn, element, value, done);
  return { element, held };
}

// A picture of the visitor's, as upload.js finds its parts.
function uploadOf({ label, ...settings }, done) {
  const file = h('input', { type: 'file', accept: 'image/*', 'aria-label': label });
  const chosen = h('label', { class: 'upload-choose' }, file, h('span', {}, label));
  const image = h('img', { alt: 'Your picture', width: 64, height: 64 });
  const shown = h('figure', { hidden: true }, image, button('Remove', null, 'upload-remove'));
  const said = h('p', { role: 'status' }, settings.hint);
  const box = h('div', { class: 'upload', 'data-settings': JSON.stringify(settings) }, chosen, shown, said);
  const element = h('div', {}, box);
  return { element, held: run(bring, element, '', done) };
}

// Its controls. change(key, value) says what a link has, and draws; look() draws what is not yet to be in the address.
export function pictureControls(x, { values, own, checkpoint }, zoo, { change, look }) {
  const key = drawingOf(x);
  // What was done last, of the three: a drawing, a picture of the visitor's, an example's number.
  const set = (drawing, picture, number) => {
    if (pad) {
      pad.held.value = drawing;
      values[key] = drawing;
    }
    if (picture) own[x.name] = picture;
    else delete own[x.name];
    if (!picture) upload.held.value = '';
    examples.set(number);
    change(x.name, number);
  };

  const onDrawn = (event) => {
    if (event === 'change') {
      if (pad.held.value) set(pad.held.value, null, ANY);
      else set('', own[x.name], values[x.name]);
      return;
    }
    values[key] = pad.held.value;
    look();
  };
  const onBrought = async () => {
    const picture = upload.held.value && (await read(upload.held.value, x));
    set(picture ? '' : (values[key] ?? ''), picture, picture ? ANY : values[x.name]);
  };
  const pad = x.pad ? padOf(x.pad, values[key], onDrawn) : null;
  const upload = uploadOf(x.upload, onBrought);
  const thumbnails = Array.from({ length: x.examples }, () => h('canvas', { 'aria-hidden': 'true', width: 1, height: 1 }));
  const options = [[ANY, ANY], ...thumbnails.map((canvas, i) => [String(i), '', canvas, `example ${i}`])];
  const examples = choice('or one of these', options, values[x.name], (number) => set('', null, number));
  examples.element.classList.add('examples');
  ask('examples', checkpoint, zoo, { examplesOf: x.name })
    .then(({ drawn: { pixels, width, height } }) => {
      const size = 4 * width * height;
      thumbnails.forEach((canvas, i) => {
        paintGrid(canvas, { pixels: pixels.slice(i * size, (i + 1) * size), width, height });
      });
    })
    .catch(() => null); // what is wrong is said where it was to draw; null: another page is open
  return [h('div', { class: 'bring field' }, pad?.element ?? null, upload.element), examples.element];
}
