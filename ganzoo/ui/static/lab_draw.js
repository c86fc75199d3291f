// How the laboratory is drawn: the plane, and two curves. For lab.js, before which it is run.
const UNIT = 1000; // coordinates come in thousandths
const REACH = 1.1; // the plane shown is from -REACH to REACH
const LONGEST = 400; // points of a curve

// Told apart also by people who do not see red and green (Okabe and Ito 2008), and by their shapes.
const LIGHT = { ground: [255, 255, 255], real: '#0072b2', fake: '#d55e00', ink: '#1f2937', faint: '#94a3b8' };
const DARK = { ground: [15, 23, 42], real: '#7cc4f0', fake: '#ffa657', ink: '#e5e7eb', faint: '#64748b' };
const SAYS_REAL = [0, 114, 178];
const SAYS_FAKE = [213, 94, 0];
const colours = () => (document.body.classList.contains('dark') ? DARK : LIGHT);

// A canvas as large as it is shown -> its pen, in units of CSS pixels.
const prepare = (canvas) => {
  const { width, height } = canvas.getBoundingClientRect();
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext('2d');
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  return { pen, width, height };
};

// D's answers as a picture of one pixel each, which the browser smooths.
const heat = (field, ground) => {
  const side = Math.sqrt(field.length);
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = side;
  const pen = canvas.getContext('2d');
  const image = pen.createImageData(side, side);
  field.forEach((level, i) => {
    const says = level / 127.5 - 1;
    const to = says > 0 ? SAYS_REAL : SAYS_FAKE;
    const strength = Math.sqrt(Math.abs(says)) * 0.5; // a slight lean is to be seen too
    for (let c = 0; c < 3; c += 1) image.data[4 * i + c] = ground[c] + (to[c] - ground[c]) * strength;
    image.data[4 * i + 3] = 255;
  });
  pen.putImageData(image, 0, 0);
  return canvas;
};

const pairs = (flat) => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] / UNIT, flat[2 * i + 1] / UNIT]);

const drawPlane = (canvas, real, frame) => {
  const { pen, width } = prepare(canvas);
  const c = colours();
  const at = ([x, y]) => [((x + REACH) / (2 * REACH)) * width, ((REACH - y) / (2 * REACH)) * width];
  pen.fillStyle = `rgb(${c.ground})`;
  pen.fillRect(0, 0, width, width);
  if (frame) {
    pen.imageSmoothingQuality = 'high';
    pen.drawImage(heat(frame.field, c.ground), 0, 0, width, width);
  }
  pen.strokeStyle = c.real;
  pen.lineWidth = 1.25;
  for (const point of pairs(real)) {
    pen.beginPath();
    pen.arc(...at(point), 4, 0, 2 * Math.PI);
    pen.stroke();
  }
  if (!frame) return;
  const points = pairs(frame.fake);
  pen.strokeStyle = c.ink;
  pen.lineWidth = 1;
  pairs(frame.arrows).forEach(([dx, dy], i) => {
    const [x, y] = at(points[i]);
    const unit = width / (2 * REACH);
    const [u, v] = [x + dx * unit, y - dy * unit];
    const angle = Math.atan2(v - y, u - x);
    if (Math.hypot(u - x, v - y) < 2) return;
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(u, v);
    for (const turn of [2.6, -2.6]) {
      pen.moveTo(u, v);
      pen.lineTo(u + 4 * Math.cos(angle + turn), v + 4 * Math.sin(angle + turn));
    }
    pen.stroke();
  });
  pen.fillStyle = c.fake;
  pen.strokeStyle = `rgb(${c.ground})`;
  pen.lineWidth = 0.75;
  for (const point of points) {
    pen.beginPath();
    pen.arc(...at(point), 3, 0, 2 * Math.PI);
    pen.fill();
    pen.stroke();
  }
};

// Half of the points of a curve that has become too long; every other one goes.
const thinned = (history) =>
  history.length > LONGEST ? history.filter((_, i) => i % 2 === 0 || i === history.length - 1) : history;

// lines: [{ values, colour, dash, label }], each from 0 to 1 of the height; marks: [[share, label,
// dash, label at the right]], lines across.
const drawCurve = (canvas, steps, lines, marks) => {
  const { pen, width, height } = prepare(canvas);
  const c = colours();
  const [left, right, top, bottom] = [58, width - 50, 8, height - 20];
  const y = (share) => bottom - share * (bottom - top);
  const last = steps.at(-1) || 1;
  const x = (step) => left + (step / last) * (right - left);
  pen.font = '12px system-ui, sans-serif';
  pen.textBaseline = 'middle';
  pen.textAlign = 'right';
  pen.fillStyle = c.ink;
  pen.strokeStyle = c.faint;
  for (const [share, label, dash, other] of marks) {
    pen.setLineDash(dash || []);
    pen.beginPath();
    pen.moveTo(left, y(share));
    pen.lineTo(right, y(share));
    pen.stroke();
    pen.fillText(label, left - 6, y(share));
    if (other) {
      pen.textAlign = 'left';
      pen.fillText(other, right + 6, y(share));
      pen.textAlign = 'right';
    }
  }
  pen.fillText(`step ${last.toLocaleString('en')}`, right, height - 8);
  pen.lineWidth = 2;
  for (const { values, colour, dash } of lines) {
    pen.strokeStyle = colour;
    pen.setLineDash(dash || []);
    pen.beginPath();
    let isDown = false;
    values.forEach((value, i) => {
      if (value === null) return;
      pen[isDown ? 'lineTo' : 'moveTo'](x(steps[i]), y(value));
      isDown = true;
    });
    pen.stroke();
  }
  pen.setLineDash([]);
};

window.labDrawing = { colours, drawPlane, drawCurve, thinned };
