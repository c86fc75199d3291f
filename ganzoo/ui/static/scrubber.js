// A row of pictures under a slider (scrubber.py). Gradio runs this in a function that has `element`, `props`, `watch` and
// `server`. Events are caught on the root, which stays when a new value is rendered.
let timer = null;
let seen = false; // the row has come near to the screen
let inSight = false;
let touched = matchMedia('(prefers-reduced-motion: reduce)').matches; // it does not play by itself, or does no more
const find = (selector) => element.querySelector(selector);

// The strip is fetched when it comes near to the screen: that of a training may weigh 3 MB.
const load = () => {
  const url = props.value.src?.url;
  if (seen && url) find('.scrub-picture').style.backgroundImage = `url("${url}")`;
};
new IntersectionObserver(
  (entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen = true;
    observer.disconnect();
    load();
  },
  { rootMargin: '200px' },
).observe(element);

const show = (i) => {
  const count = props.value.captions.length;
  find('.scrub-picture').style.backgroundPosition = `${count > 1 ? (i * 100) / (count - 1) : 0}% 0`;
  find('input').value = i;
  find('figcaption').textContent = props.value.captions[i];
};

const setButton = (symbol, label) => {
  const button = find('.scrub-play');
  if (!button) return;
  button.textContent = symbol;
  button.setAttribute('aria-label', label);
  find('figcaption').setAttribute('aria-live', timer ? 'off' : 'polite'); // nobody wants to hear each picture of a walk
};

const stop = () => {
  clearInterval(timer);
  timer = null;
  setButton('\u25B6', 'Play');
};

const play = () => {
  clearInterval(timer);
  let step = 1;
  timer = setInterval(() => {
    if (!element.isConnected || !find('input')) {
      stop();
      return;
    }
    const count = props.value.captions.length;
    const i = +find('input').value;
    if (props.value.keep && (i + step >= count || i + step < 0)) step = -step; // a walk goes there and back
    show((i + step) % count);
  }, props.value.delay);
  setButton('\u275A\u275A', 'Pause');
};

// A walk plays by itself while it is in sight, until somebody touches it or asks for one of its pictures.
const playUntouched = () => {
  if (touched || !props.value.plays) return;
  if (inSight && !document.hidden) play();
  else stop();
};
new IntersectionObserver((entries) => {
  inSight = entries.at(-1).isIntersecting;
  playUntouched();
}).observe(element);
document.addEventListener('visibilitychange', playUntouched);
for (const type of ['pointerdown', 'keydown']) {
  element.addEventListener(type, (event) => {
    if (event.key === 'Tab' || touched) return;
    touched = true;
    if (!event.target.closest('.scrub-play')) stop();
  });
}

// Which frame is shown is part of the page's address, unless it is where the pictures start by themselves.
const report = (i) => {
  const { key, rest } = props.value;
  const tab = element.closest('[id^="tab-"]')?.id.slice(4);
  if (tab && key) window.zoo?.onFrame(tab, key, i === rest ? '' : String(i));
};

element.addEventListener('input', (event) => {
  if (event.target.type !== 'range') return;
  stop();
  show(+event.target.value);
  report(+event.target.value);
});

// The server makes the GIF of the strip that it keeps.
const keepGif = async (button) => {
  const { src, captions, delay, keep } = props.value;
  button.disabled = true;
  try {
    const strip = src.path.split('/').at(-2);
    const path = await server.looping_gif({ strip, frames: captions.length, delay, name: keep });
    const link = document.createElement('a');
    link.href = `${src.url.split('/file=')[0]}/file=${path}`;
    link.download = keep;
    link.click();
  } finally {
    button.disabled = false;
  }
};

element.addEventListener('click', (event) => {
  const button = event.target.closest('.scrub-keep');
  if (button) keepGif(button);
  if (!event.target.closest('.scrub-play')) return;
  if (timer) stop();
  else play();
});
watch('value', () => {
  stop();
  load();
  requestAnimationFrame(() => {
    find('input').value = props.value.start; // a thumb that was moved does not follow the new attribute
  });
  report(props.value.start);
  playUntouched();
});
element.dataset.ready = '';
