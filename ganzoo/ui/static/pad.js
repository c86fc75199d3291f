// A square to draw in (pad.py). Gradio, and the static site, run this in a function that has `element`, `props`, `trigger` and
// `watch`. With settings.live it also tells of a stroke that is being drawn, by 'input'.
// props.value is the strokes in letters: two of `ink` a point (x, then y), `separator` between strokes.
const settings = JSON.parse(element.querySelector('.pad').dataset.settings);
const { ink, cell, side, pen: penWidth, longest, separator, paper, stroke: colour } = settings;
let strokes = [];
let isDrawing = false;

const encode = () => strokes.map((s) => s.map(([x, y]) => ink[x] + ink[y]).join('')).join(separator);
const decode = (text) =>
  text ? text.split(separator).map((part) => part.match(/../g).map(([x, y]) => [ink.indexOf(x), ink.indexOf(y)])) : [];
const canvas = () => element.querySelector('canvas');

const paint = () => {
  const pen = canvas()?.getContext('2d');
  if (!pen) return;
  pen.fillStyle = paper;
  pen.fillRect(0, 0, side, side);
  pen.lineWidth = penWidth;
  pen.lineCap = pen.lineJoin = 'round';
  pen.strokeStyle = colour;
  for (const stroke of strokes) {
    const [first, ...others] = stroke.map(([x, y]) => [(x + 0.5) * cell, (y + 0.5) * cell]);
    pen.beginPath();
    pen.moveTo(...first);
    pen.lineTo(first[0] + 0.1, first[1]);
    for (const point of others) pen.lineTo(...point);
    pen.stroke();
  }
};

// A drawing too long for a link loses every other point.
const commit = () => {
  while (encode().length > longest) {
    const thinner = strokes.map((s) => s.filter((_, i) => i % 2 === 0 || i === s.length - 1));
    if (thinner.flat().length === strokes.flat().length) strokes.pop();
    else strokes = thinner;
  }
  paint();
  props.value = encode();
  trigger('change');
};

const pointOf = (event) => {
  const box = canvas().getBoundingClientRect();
  const index = (share) => Math.min(Math.max(Math.floor(share * ink.length), 0), ink.length - 1);
  return [index((event.clientX - box.left) / box.width), index((event.clientY - box.top) / box.height)];
};

element.addEventListener('pointerdown', (event) => {
  if (event.target !== canvas()) return;
  event.preventDefault();
  canvas().setPointerCapture(event.pointerId);
  isDrawing = true;
  strokes.push([pointOf(event)]);
  paint();
});
element.addEventListener('pointermove', (event) => {
  if (!isDrawing) return;
  const stroke = strokes.at(-1);
  const [x, y] = stroke.at(-1);
  const [u, v] = pointOf(event);
  if (Math.hypot(u - x, v - y) < 2) return; // nearer than two cells to the last point
  stroke.push([u, v]);
  paint();
  if (!settings.live) return;
  props.value = encode();
  trigger('input');
});
const onPointerUp = () => {
  if (!isDrawing) return;
  isDrawing = false;
  commit();
};
element.addEventListener('pointerup', onPointerUp);
element.addEventListener('pointercancel', onPointerUp);
element.addEventListener('click', (event) => {
  if (!event.target.closest('.pad-clear')) return;
  strokes = [];
  commit();
});
watch('value', () => {
  if (!isDrawing && props.value !== encode()) strokes = decode(props.value);
  requestAnimationFrame(paint);
});
strokes = decode(props.value);
paint();
