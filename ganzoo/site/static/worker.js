// Draws: loads a network once, and runs it on what noise.js draws, away from the page, so that the page never stands still.
import { fetchFile, unpacked } from './files.js';
import { between, draw, SEEDS } from './noise.js';
import { codePoints, line, MIXED, MOST_WORDS, openVocabulary, restyled } from './words.js';

let machine; // a promise of onnxruntime
let vocabulary; // of the words that captions have
const sessions = new Map(); // of a network's file, a promise

async function start(runtime, onProgress) {
  const [ort, packed] = await Promise.all([import(`./${runtime.script}`), fetchFile(runtime, onProgress)]);
  ort.env.wasm.wasmBinary = await unpacked(packed).arrayBuffer();
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
  return ort;
}

async function open({ network, runtime, words, inputs }, onProgress) {
  machine ??= start(runtime, onProgress);
  machine.catch(() => {
    machine = undefined;
  });
  if (inputs.some(readsWords)) vocabulary ??= openVocabulary(words, onProgress);
  vocabulary?.catch(() => {
    vocabulary = undefined;
  });
  const kept = Promise.all(inputs.filter((x) => x.kept).map(async (x) => [x.name, await examplesOf(x, onProgress)]));
  const [ort, raw, known, examples] = await Promise.all([machine, fetchFile(network, onProgress), vocabulary, kept]);
  const session = await ort.InferenceSession.create(raw, { executionProviders: ['wasm'] });
  return { ort, session, vocabulary: known, examples: Object.fromEntries(examples) };
}

// The pictures that are kept of an input, each as a person's: bytes, channels first.
async function examplesOf(x, onProgress) {
  const all = new Uint8Array(await unpacked(await fetchFile(x.kept, onProgress)).arrayBuffer());
  const size = x.channels * x.side ** 2;
  return Array.from({ length: x.examples }, (_, i) => {
    return { bytes: all.subarray(i * size, (i + 1) * size), width: x.side, height: x.side };
  });
}

const readsWords = (x) => x.reads === 'words';

// Of each picture, the inputs by name: what is fixed, and else what its seed draws. style: of captions; scales: of noise.
function inputsOf({ inputs, walk, n, seed, fixed, style = '', scales = {} }) {
  if (!walk) {
    return Array.from({ length: n }, (_, i) => {
      const row = { ...draw(inputs, seed + i), ...fixed };
      for (const x of inputs) {
        if (x.type === 'Text' && typeof row[x.name] === 'number') row[x.name] = x.examples[row[x.name]];
        if (x.type === 'Text' && style) {
          const own = style === MIXED ? x.styles[((seed + i) % SEEDS) % x.styles.length] : style;
          row[x.name] = line(x, restyled(row[x.name], x.styles, own));
        }
        if (x.name in scales) row[x.name] = row[x.name].map((value) => value * scales[x.name]);
      }
      return row;
    });
  }
  const [a, b] = [walk.from, walk.to].map((s) => ({ ...draw(inputs, s), ...fixed }));
  return walk.at.map((i) => {
    const row = { ...a };
    for (const x of inputs) if (x.type === 'Noise') row[x.name] = between(x, a[x.name], b[x.name], i / (walk.frames - 1));
    return row;
  });
}

const TENSORS = {
  Text: (ort, x, values, vocabulary) => {
    if (!readsWords(x)) {
      const points = values.flatMap((v) => [...codePoints(v, x.length)]);
      return new ort.Tensor('int64', BigInt64Array.from(points), [values.length, x.length]);
    }
    const size = MOST_WORDS * vocabulary.size;
    const all = new Float32Array(values.length * size);
    values.forEach((v, i) => {
      all.set(vocabulary.read(v), i * size);
    });
    return new ort.Tensor('float32', all, [values.length, MOST_WORDS, vocabulary.size]);
  },
  Noise: (ort, x, values) =>
    new ort.Tensor('float32', Float32Array.from(values.flatMap((v) => [...v])), [values.length, x.dim]),
  Choice: (ort, _, values) => new ort.Tensor('int64', BigInt64Array.from(values.map(BigInt)), [values.length]),
  Code: (ort, _, values) => new ort.Tensor('float32', Float32Array.from(values), [values.length]),
  Picture: (ort, x, values) => {
    const { width, height } = values[0];
    const size = x.channels * width * height;
    const all = new Float32Array(values.length * size);
    values.forEach(({ bytes }, i) => {
      for (let k = 0; k < size; k++) all[i * size + k] = Math.fround(bytes[k] / 127.5) - 1;
    });
    return new ort.Tensor('float32', all, [values.length, x.channels, height, width]);
  },
};

// [-1, 1], channels first -> RGBA bytes of each picture.
function toPixels({ data, dims: [n, channels, height, width] }) {
  const area = height * width;
  const out = new Uint8ClampedArray(n * area * 4);
  for (let i = 0; i < n; i++) {
    for (let p = 0; p < area; p++) {
      const to = (i * area + p) * 4;
      for (let c = 0; c < 3; c++) out[to + c] = data[(i * channels + (channels === 1 ? 0 : c)) * area + p] * 127.5 + 127.5; // clamps
      out[to + 3] = 255;
    }
  }
  return { pixels: out, width, height };
}

// Parts of pictures -> all of them.
function joined(parts) {
  const pixels = new Uint8ClampedArray(parts.reduce((sum, part) => sum + part.pixels.length, 0));
  let at = 0;
  for (const part of parts) {
    pixels.set(part.pixels, at);
    at += part.pixels.length;
  }
  return { ...parts[0], pixels };
}

// -> {drawn, sources}: the pictures, and what they are made from; one, where it is given; null if from none.
async function paint(task, { ort, session, vocabulary, examples }) {
  const rows = inputsOf(task);
  const source = task.inputs.find((x) => x.type === 'Picture');
  for (const row of source ? rows : []) {
    const given = row[source.name];
    if (typeof given === 'number') row[source.name] = examples[source.name][given];
  }
  const parts = [];
  const sources = [];
  for (let i = 0; i < rows.length; i += task.atOnce) {
    const chunk = rows.slice(i, i + task.atOnce);
    const tensorOf = (x, values) => TENSORS[x.type](ort, x, values, vocabulary);
    const valuesOf = (x) => chunk.map((row) => row[x.name]);
    const { image } = await session.run(Object.fromEntries(task.inputs.map((x) => [x.name, tensorOf(x, valuesOf(x))])));
    parts.push(toPixels(image));
    image.dispose();
    const shown = source ? valuesOf(source).slice(0, source.name in task.fixed ? Number(i === 0) : chunk.length) : [];
    if (shown.length) sources.push(toPixels(tensorOf(source, shown)));
  }
  return { drawn: joined(parts), sources: source ? joined(sources) : null };
}

// The examples that are kept of an input, to choose from.
const show = ({ inputs, examplesOf: name }, { ort, examples }) => {
  const x = inputs.find((input) => input.name === name);
  return { drawn: toPixels(TENSORS.Picture(ort, x, examples[name])), sources: null };
};

let queue = Promise.resolve();
self.onmessage = ({ data: { id, task } }) => {
  const { network, runtime, words, inputs } = task;
  const key = network.file;
  if (!sessions.has(key)) {
    const ofWords = inputs.some(readsWords) && !vocabulary ? words.vectors.bytes + words.characters.bytes : 0;
    const ofExamples = inputs.reduce((sum, x) => sum + (x.kept?.bytes ?? 0), 0);
    const total = network.bytes + (machine ? 0 : runtime.bytes) + ofWords + ofExamples;
    let loaded = 0;
    const onProgress = (bytes) => {
      loaded += bytes;
      self.postMessage({ network: key, loaded: Math.min(1, loaded / total) });
    };
    sessions.set(key, open(task, onProgress));
    sessions.get(key).catch(() => sessions.delete(key));
  }
  const opened = sessions.get(key);
  queue = queue.then(async () => {
    try {
      const session = await opened;
      const start = performance.now();
      const found = await (task.examplesOf ? show : paint)(task, session);
      const buffers = [found.drawn, found.sources].filter(Boolean).map(({ pixels }) => pixels.buffer);
      self.postMessage({ id, ...found, ms: performance.now() - start }, buffers);
    } catch (error) {
      self.postMessage({ id, error: String(error?.message ?? error) });
    }
  });
};
