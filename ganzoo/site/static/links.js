// The address of a picture, as the app's permalink.py has it: a link to one opens in the other.
//
//   ?v=2&tab=cgan&m=cgan-fashion&w=1a2b3c4&seed=7&label=Coat
//
// A query comes from anybody: what is not known or not allowed is passed over, and named.
import { SEEDS } from './noise.js';
import { line, MIXED } from './words.js';

export const ANY = 'any'; // of a choice: left to the seed
export const STEP = 0.05; // of a code
const VERSIONS = ['1', '2'];
const NOT_OURS = ['__theme', '__sign', 'view', 'deep_link', 'ui']; // Gradio's and the Hub's own
const LONGEST = 300;

const whole = (low, high) => (text) => {
  if (!/^[0-9]{1,10}$/.test(text) || Number(text) < low || Number(text) > high) {
    throw new Error(`not a whole number from ${low} to ${high}`);
  }
  return Number(text);
};
const oneOf = (options) => (text) => {
  if (!options.includes(text)) throw new Error(`not one of ${options.join(', ')}`);
  return text;
};
const inSteps = (low, high) => (text) => {
  const number = /^-?[0-9]{1,6}(\.[0-9]{1,4})?$/.test(text) ? Number(text) : Number.NaN;
  const steps = (number - low) / STEP;
  if (!(number >= low && number <= high) || Math.abs(steps - Math.floor(steps) - 0.5) < 0.499) {
    throw new Error(`not a number from ${low} to ${high} in steps of ${STEP}`);
  }
  return number;
};
const drawing =
  ({ ink, separator, longest }) =>
  (text) => {
    const isStroke = (part) => part.length > 0 && part.length % 2 === 0 && [...part].every((c) => ink.includes(c));
    if (!text.split(separator).every(isStroke)) {
      const allowed = `two of A-Z, a-z, 0-9, - and _ a point, ${separator} between strokes, ${longest} in all`;
      throw new Error(`not a drawing: ${allowed}`);
    }
    return text;
  };

// The key of what is drawn of a picture.
export const drawingOf = (x) => `${x.name}_drawing`;

// Whether there is a way from seed to seed; whether there is noise that blurs captions.
export const walks = ({ inputs }) => inputs.some((x) => x.type === 'Noise') && !inputs.some((x) => x.type === 'Text');
export const blurs = ({ inputs }) => inputs.some((x) => x.name === 'epsilon');

// What a link can say of a checkpoint, by key: its default, and how it is read.
export function fieldsOf(checkpoint, zoo) {
  const seed = whole(0, SEEDS - 1);
  const found = { seed: { default: 0, read: seed }, n: { default: checkpoint.n, read: whole(1, zoo.most) } };
  if (walks(checkpoint)) {
    found.at = { default: null, read: whole(0, zoo.frames - 1) };
    found.from = { default: 0, read: seed };
    found.to = { default: 1, read: seed };
  }
  if (checkpoint.timeline) found.shot = { default: null, read: whole(0, checkpoint.timeline.steps.length - 1) };
  for (const x of checkpoint.inputs) {
    if (x.type === 'Choice') found[x.name] = { default: ANY, read: oneOf([ANY, ...x.options]) };
    if (x.type === 'Text') {
      found[x.name] = { default: x.suggestions[0], read: (text) => (text.trim() ? line(x, text) : ''), blank: true };
      if (x.styles.length) found.style = { default: ANY, read: oneOf([ANY, MIXED, ...x.styles]) };
      if (blurs(checkpoint)) found.epsilon = { default: 0, read: inSteps(0, zoo.strongest) };
    }
    if (x.type === 'Picture') {
      found[x.name] = { default: ANY, read: oneOf([ANY, ...Array.from({ length: x.examples }, (_, i) => String(i))]) };
      if (x.pad) found[drawingOf(x)] = { default: '', read: drawing(x.pad), longest: x.pad.longest };
    }
    if (x.type === 'Code') found[x.name] = { default: 0, read: inSteps(x.low, x.high) };
  }
  return found;
}

export const defaultsOf = (checkpoint, zoo) =>
  Object.fromEntries(Object.entries(fieldsOf(checkpoint, zoo)).map(([key, field]) => [key, field.default]));

const brief = (text) => (text.length > 40 ? `${text.slice(0, 40)}...` : text).replace(/\p{C}/gu, '?');

// A query -> {model, checkpoint, weights, values, notices}; model is null for the landing view.
export function decode(search, zoo) {
  const left = new Map([...new URLSearchParams(search)].filter(([key]) => !NOT_OURS.includes(key)));
  const take = (key, otherwise) => {
    const value = left.get(key) ?? otherwise;
    left.delete(key);
    return value;
  };
  const notices = [];
  const version = take('v', VERSIONS[1]);
  if (!VERSIONS.includes(version)) {
    notices.push(`v=${brief(version)}: this page reads versions ${VERSIONS.join(' and ')} of links, and took what it could`);
  }
  const holding = zoo.models.find((m) => m.checkpoints.some((c) => c.name === left.get('m')));
  const tab = take('tab', holding?.name ?? (left.size ? zoo.models[0].name : 'zoo'));
  const model = zoo.models.find((m) => m.name === tab) ?? (holding && tab !== 'zoo' ? holding : null);
  if (!model) {
    if (tab !== 'zoo')
      notices.push(`tab=${brief(tab)}: there is none here; there are ${zoo.models.map((m) => m.name).join(', ')}`);
    return { model: null, checkpoint: null, weights: '', values: {}, notices };
  }
  const name = take('m', model.checkpoints[0].name);
  let checkpoint = model.checkpoints.find((c) => c.name === name);
  let weights = take('w', '');
  if (!checkpoint) {
    notices.push(
      `m=${brief(name)}: no checkpoint of ${model.name}; there are ${model.checkpoints.map((c) => c.name).join(', ')}`,
    );
    checkpoint = model.checkpoints[0];
    weights = '';
  }
  if (weights && !/^[0-9a-f]{7}$/.test(weights)) {
    notices.push(`w=${brief(weights)}: not the first 7 digits of a sha256`);
  } else if (weights && weights !== checkpoint.revision) {
    notices.push(
      `w=${weights}: the link was made with other weights of ${checkpoint.name} than are here (${checkpoint.revision}): ` +
        'its pictures are not the same',
    );
  }
  const known = fieldsOf(checkpoint, zoo);
  const values = defaultsOf(checkpoint, zoo);
  for (const [key, text] of left) {
    if (!Object.hasOwn(known, key)) {
      notices.push(
        `${brief(key)}: this page of ${checkpoint.name} has no such thing; a link may say ${Object.keys(known).join(', ')}`,
      );
      continue;
    }
    try {
      const { read, longest = LONGEST } = known[key];
      if (text.length > longest) throw new Error(`longer than ${longest} characters`);
      values[key] = read(text);
    } catch (error) {
      notices.push(`${key}=${brief(text)}: ${error.message}`);
    }
  }
  return { model, checkpoint, weights, values, notices };
}

const toText = (value) => (typeof value === 'number' ? String(+value.toFixed(4)) : String(value));

// What a page shows -> its query; weights: the revision to name, or ''.
export function encode({ model, checkpoint, values }, zoo, weights = '') {
  const params = new URLSearchParams({ v: String(zoo.version), tab: model.name });
  if (checkpoint !== model.checkpoints[0]) params.set('m', checkpoint.name);
  if (weights) params.set('w', weights);
  const defaults = defaultsOf(checkpoint, zoo);
  for (const [key, value] of Object.entries(values)) {
    if (value !== defaults[key] && Object.hasOwn(defaults, key)) params.set(key, toText(value));
  }
  return `?${params}`;
}
