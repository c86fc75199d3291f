// Elements, by name; and the controls that several places of a page have.
import { SEEDS } from './noise.js';

// h('p', {class: 'x', onclick: f}, 'text', child) -> an element. No HTML is ever made of a text.
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on'))
      element.addEventListener(key.slice(2), value); // null: somebody else listens
    else if (value === true) element.setAttribute(key, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== ''));
  return element;
}

let count = 0;
const newId = () => `at${++count}`;

// "of **a few** words" -> the words, some of them bold.
export const bold = (text) => text.split('**').map((part, i) => (i % 2 ? h('b', {}, part) : part));

// A number that names a picture. change(value) is called with a whole number that is allowed.
export function seedBox(label, value, change, hint = '') {
  const id = newId();
  const box = h('input', { id, type: 'number', min: 0, max: SEEDS - 1, step: 1, value, inputmode: 'numeric' });
  box.addEventListener('change', () => {
    const number = Math.min(SEEDS - 1, Math.max(0, Math.round(Number(box.value)) || 0));
    box.value = number;
    change(number);
  });
  const set = (v) => {
    box.value = v;
  };
  return { element: h('div', { class: 'field' }, h('label', { for: id }, label), hint && h('small', {}, hint), box), set };
}

export const dice = () => crypto.getRandomValues(new Uint32Array(1))[0];

// A slider that says its value. input(value) while it is moved.
export function slider(label, { min, max, step, value, show = String }, input) {
  const id = newId();
  const out = h('output', { for: id }, show(value));
  const box = h('input', { id, type: 'range', min, max, step, value, 'aria-valuetext': show(value) });
  const set = (v) => {
    box.value = v;
    out.textContent = show(Number(box.value));
    box.setAttribute('aria-valuetext', show(Number(box.value)));
  };
  box.addEventListener('input', () => {
    set(box.value);
    input(Number(box.value));
  });
  return { element: h('div', { class: 'field' }, h('label', { for: id }, label, ' ', out), box), set };
}

// One of several: [value, text] each, or [value, text, what is to be seen, what it is called]. change(value).
export function choice(label, options, value, change) {
  const name = newId();
  const boxes = options.map(([v, text, seen, called]) => {
    const box = h('input', { type: 'radio', name, value: v, 'aria-label': called });
    box.checked = v === value;
    box.addEventListener('change', () => change(v));
    return { box, element: h('label', { class: 'chip' }, box, h('span', {}, text, seen ?? null)) };
  });
  const chips = h(
    'div',
    { class: 'chips' },
    boxes.map(({ element }) => element),
  );
  const set = (v) => {
    for (const { box } of boxes) box.checked = box.value === v;
  };
  return { element: h('fieldset', { class: 'field' }, h('legend', {}, label), chips), set };
}

// A line of text. change(text) when it is done with.
export function textBox(label, value, placeholder, most, change) {
  const id = newId();
  const box = h('input', { id, type: 'text', value, placeholder, maxlength: most, autocomplete: 'off', enterkeyhint: 'go' });
  box.addEventListener('change', () => change(box.value));
  return { element: h('div', { class: 'field' }, h('label', { for: id }, label), box), box };
}

export const button = (text, onclick, kind = '') => h('button', { type: 'button', class: kind, onclick }, text);
