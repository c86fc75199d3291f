// Pictures on a canvas: a grid whose pixels are enlarged by a whole factor, so that they stay pixels.
const WIDTH = 1120; // pixels that a grid is enlarged to at most
const PAPER = '#303030';

// Pictures, {pixels: RGBA bytes of one after the other, width, height} -> the canvas shows them, as near to a square as can be.
export function paintGrid(canvas, { pixels, width, height }) {
  const n = pixels.length / (4 * width * height);
  const columns = Math.ceil(Math.sqrt(n));
  const rows = Math.ceil(n / columns);
  const longer = Math.max(width, height);
  const scale = Math.max(1, Math.floor(Math.min(WIDTH, longer < 128 ? WIDTH : 512) / (columns * longer)));
  const gap = n > 1 ? Math.max(1, scale >> 1) : 0;
  const [across, down] = [width * scale + gap, height * scale + gap];
  canvas.width = columns * across - gap;
  canvas.height = rows * down - gap;
  Object.assign(canvas.dataset, { n, columns, across, down, scale, width, height });
  const context = canvas.getContext('2d');
  context.imageSmoothingEnabled = false;
  context.fillStyle = PAPER;
  context.fillRect(0, 0, canvas.width, canvas.height);
  const small = new OffscreenCanvas(width, height);
  const of = small.getContext('2d');
  const size = 4 * width * height;
  for (let i = 0; i < columns * rows; i++) {
    const [x, y] = [(i % columns) * across, Math.floor(i / columns) * down];
    if (i >= n) {
      context.clearRect(x - gap, y, across + gap, down);
      continue;
    }
    of.putImageData(new ImageData(pixels.slice(i * size, (i + 1) * size), width, height), 0, 0);
    context.drawImage(small, x, y, width * scale, height * scale);
  }
}

// One row of a strip that is a picture of rows of `columns` tiles.
export function paintRow(canvas, strip, row, side, columns) {
  const across = Math.ceil(Math.sqrt(columns));
  const scale = Math.max(1, Math.floor(560 / (across * side)));
  const gap = Math.max(1, scale >> 1);
  const cell = side * scale + gap;
  canvas.width = across * cell - gap;
  canvas.height = Math.ceil(columns / across) * cell - gap;
  const context = canvas.getContext('2d');
  context.imageSmoothingEnabled = false;
  context.fillStyle = PAPER;
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < columns; i++) {
    const to = [(i % across) * cell, Math.floor(i / across) * cell, side * scale, side * scale];
    context.drawImage(strip, i * side, row * side, side, side, ...to);
  }
}
