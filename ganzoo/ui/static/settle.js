// A value counts as soon as a visitor is done with it, however it came about. Gradio's sliders say so (`release`) only after
// the pointer, and its text boxes (`submit`) only after Enter: here a slider that was moved by keys, typed into or reset is
// released once it rests, and a `.settles` box whose text has changed is submitted when it is left.
const REST = 150; // ms without a change
const waiting = new WeakMap();
const submitted = new WeakMap();
let isPointerDown = false;

// A number typed beyond a slider's ends becomes the nearest one, with a word under it: Gradio would send it as it is.
const bound = (input) => {
  const [low, high, value] = [input.min, input.max, input.value].map(Number);
  if (input.value === '' || (value >= low && value <= high)) return;
  const typed = input.value;
  input.value = Math.min(Math.max(value, low), high);
  input.dispatchEvent(new Event('input', { bubbles: true }));
  const block = input.closest('.block');
  const word = block.querySelector('.bound') ?? block.appendChild(document.createElement('p'));
  word.className = 'bound reading';
  word.setAttribute('role', 'alert');
  word.textContent = `${typed} is not a number from ${low} to ${high}; it is ${input.value} now`;
};
const release = (input) => {
  bound(input);
  input.dispatchEvent(new PointerEvent('pointerup', { bubbles: true }));
};
// The first key on a slider counts at once; those that follow it, when the last of them is done. A number being typed is not
// read before it rests: of 64, the 6 may be out of bounds.
const releaseSoon = (input) => {
  const isFirst = input.type === 'range' && !waiting.has(input);
  clearTimeout(waiting.get(input));
  if (isFirst) setTimeout(() => release(input)); // when Gradio has taken the value
  waiting.set(
    input,
    setTimeout(() => {
      waiting.delete(input);
      if (!isFirst) release(input);
    }, REST),
  );
};
const sliderInput = (target) => target.closest?.('[data-testid="range-input"], [data-testid="number-input"]');
const textBox = (target) => target.closest?.('.settles textarea, .settles input');

const onPointer = (event) => {
  if (event.isTrusted) isPointerDown = event.type === 'pointerdown';
};
for (const type of ['pointerdown', 'pointerup', 'pointercancel']) document.addEventListener(type, onPointer, true);
document.addEventListener('input', (event) => {
  const input = sliderInput(event.target);
  if (!input) return;
  if (event.isTrusted) input.closest('.block')?.querySelector('.bound')?.remove();
  if (!(isPointerDown && input.type === 'range')) releaseSoon(input);
});
document.addEventListener('click', (event) => {
  const range = event.target
    .closest?.('[data-testid="reset-button"]')
    ?.closest('.block')
    ?.querySelector('[data-testid="range-input"]');
  if (!range) return;
  setTimeout(() => {
    range.dispatchEvent(new Event('input', { bubbles: true }));
  }, 50); // when its value is the one that it was reset to
});
document.addEventListener('blur', (event) => sliderInput(event.target) && bound(event.target), true);
document.addEventListener('focusin', (event) => {
  const box = textBox(event.target);
  if (box) submitted.set(box, box.value);
});
document.addEventListener(
  'keydown',
  (event) => {
    const box = textBox(event.target);
    if (box && event.key === 'Enter') submitted.set(box, box.value);
  },
  true,
);
document.addEventListener('focusout', (event) => {
  const box = textBox(event.target);
  if (!box || submitted.get(box) === box.value) return;
  submitted.set(box, box.value);
  box.dispatchEvent(new KeyboardEvent('keypress', { key: 'Enter', bubbles: true, cancelable: true }));
});
