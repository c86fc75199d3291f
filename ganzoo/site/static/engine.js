// Asks the worker for pictures; of each place of a page, only the newest question counts.
const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
const waiting = new Map();
const newest = new Map();
const listeners = new Set();
let last = 0;

worker.onmessage = ({ data }) => {
  if (data.network) {
    for (const listener of listeners) listener(data);
    return;
  }
  const { place, resolve, reject } = waiting.get(data.id);
  waiting.delete(data.id);
  if (newest.get(place) !== data.id) resolve(null);
  else if (data.error) reject(new Error(data.error));
  else resolve(data);
};
worker.onerror = (event) => {
  event.preventDefault();
  for (const { reject } of waiting.values()) reject(new Error('this browser cannot run what draws here; a newer one can'));
  waiting.clear();
};

// Told of what was loaded: ({network, loaded}), from 0 to 1.
export const onLoading = (listener) => listeners.add(listener);

// -> {drawn, sources, ms}: {pixels, width, height} of the pictures, RGBA bytes of one after the other, and of what they are
// made from, if that is a picture; null if something newer was asked for at that place.
export function ask(place, checkpoint, zoo, task) {
  const id = ++last;
  newest.set(place, id);
  return new Promise((resolve, reject) => {
    waiting.set(id, { place, resolve, reject });
    const facts = {
      network: checkpoint.network,
      runtime: zoo.runtime,
      words: zoo.words,
      inputs: checkpoint.inputs,
      atOnce: checkpoint.at_once,
    };
    worker.postMessage({ id, task: { ...facts, ...task } });
  });
}
