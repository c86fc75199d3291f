// A person's picture as a network takes it: a drawing as black lines on white, as ui/sketch.py has it, or an upload that is
// brought to a size, as Pillow does it; {bytes: channels first, width, height}.

// The strokes of a pad in letters -> one channel. The same steps in double precision as in Python, so that the same pixels are
// black.
export function sketched(text, { side, pad }) {
  const { ink, cell, pen, edge, separator } = pad;
  const pixel = pad.side / side;
  const reach = pen / 2 + edge * pixel;
  const bytes = new Uint8Array(side * side).fill(255);
  for (const stroke of text ? text.split(separator) : []) {
    const points = stroke.match(/../g).map(([x, y]) => [(ink.indexOf(x) + 0.5) * cell, (ink.indexOf(y) + 0.5) * cell]);
    [points[0], ...points].slice(0, -1).forEach(([ax, ay], i) => {
      const [dx, dy] = [points[i][0] - ax, points[i][1] - ay];
      const length = dx * dx + dy * dy || 1;
      for (let p = 0; p < bytes.length; p++) {
        const x = ((p % side) + 0.5) * pixel - ax;
        const y = (Math.floor(p / side) + 0.5) * pixel - ay;
        const t = Math.min(1, Math.max(0, (x * dx + y * dy) / length)); // how far along the line is next to this pixel
        const [u, v] = [x - t * dx, y - t * dy];
        if (u * u + v * v <= reach * reach) bytes[p] = 0;
      }
    });
  }
  return { bytes, width: side, height: side };
}

const BITS = 2 ** 22; // of a weight
const REACH = 3; // of Lanczos' filter
const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const lanczos = (x) => (Math.abs(x) < REACH ? sinc(x) * sinc(x / REACH) : 0);

// Of each of `size` pixels that are made of those from `start` on, `length` long: the first pixel that counts, and the weights.
function weightsOf(most, start, length, size) {
  const scale = length / size;
  const wider = Math.max(1, scale);
  return Array.from({ length: size }, (_, i) => {
    const middle = start + (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(middle - REACH * wider + 0.5));
    const last = Math.min(most, Math.trunc(middle + REACH * wider + 0.5));
    const raw = Array.from({ length: last - first }, (_, k) => lanczos((k + first - middle + 0.5) / wider));
    const sum = raw.reduce((a, b) => a + b, 0);
    return { first, weights: raw.map((w) => Math.trunc((w / sum) * BITS + Math.sign(w) * 0.5)) };
  });
}

// One way: rows of `width` numbers, `step` apart in all -> the same, `size` long.
function resampled(bytes, ways, stride, rows, rowStride, out, outStride, outRowStride) {
  for (let row = 0; row < rows; row++) {
    ways.forEach(({ first, weights }, i) => {
      let sum = BITS / 2;
      weights.forEach((w, k) => {
        sum += w * bytes[row * rowStride + (first + k) * stride];
      });
      out[row * outRowStride + i * outStride] = Math.floor(sum / BITS); // clamps
    });
  }
}

// One channel (height, width) -> the middle square of it, side x side, by Lanczos' filter.
export function middleSquare(bytes, width, height, side) {
  const edge = Math.min(width, height);
  const across = weightsOf(width, (width - edge) * 0.5, edge, side);
  const down = weightsOf(height, (height - edge) * 0.5, edge, side);
  const narrow = new Uint8ClampedArray(height * side);
  resampled(bytes, across, 1, height, width, narrow, 1, side);
  const square = new Uint8ClampedArray(side * side);
  resampled(narrow, down, side, side, 1, square, side, 1);
  return square;
}

// RGBA bytes of a picture on white, as a browser has them -> what an input takes.
export function taken({ data, width, height }, x) {
  const area = width * height;
  const colours = [0, 1, 2].map((c) => Uint8Array.from({ length: area }, (_, p) => data[4 * p + c]));
  const planes = x.any_size ? colours : colours.map((plane) => middleSquare(plane, width, height, x.side));
  const size = planes[0].length;
  const bytes = new Uint8Array(x.channels * size);
  for (let p = 0; p < size; p++) {
    const colour = planes.map((plane) => plane[p]);
    if (x.channels === 1) bytes[p] = grey(...colour);
    else for (let c = 0; c < 3; c++) bytes[c * size + p] = colour[c];
  }
  return { bytes, width: x.any_size ? width : x.side, height: x.any_size ? height : x.side };
}

const grey = (red, green, blue) => (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16; // ITU-R 601-2
