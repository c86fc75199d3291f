// The laboratory (ui/laboratory/view.py). Gradio runs this, after lab_draw.js, in a function that has `element`, `props` and
// `server`. It asks the server for a slice of training at a time, for as long as somebody looks on.
const { colours, drawPlane, drawCurve, thinned } = window.labDrawing;
const { tab, options, defaults, presets } = props.value;
const find = (selector) => element.querySelector(selector);
const form = find('form');
const SLICE = 400; // steps a request at most; the server ends it by time
const SLOW = 500; // ms between two steps of slow motion
const CALM = 1000; // the same for who has asked for less motion
const WAIT = 1000; // ms between two questions in the line
const NOT_OURS = ['v', 'tab', 'w', '__theme', '__sign', 'view', 'deep_link', 'ui']; // in a link, of the page or of Gradio
const SAY = 2000; // ms between two sentences for those who hear the page

let real = []; // some points of the data
let frame = null; // what is to be seen now
let history = []; // [{ step, right, gap, caught, quality }]
let name = ''; // of the training, on the server
let isPlaying = false;
let isAsking = false; // a request is on its way, or waited for
let said = 0; // when the last sentence was said
let run = 0; // of the trainings of this page: what an earlier one answers is passed over
const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const settings = () => Object.fromEntries(Object.keys(defaults).map((key) => [key, form.elements[key].value.trim()]));
const percent = (share) => `${Math.round(100 * share)} %`;

// ---- What is shown --------------------------------------------------------------------------------------------------

const sentence = () => {
  if (!frame) return 'Press play.';
  const parts = [`Step ${frame.step.toLocaleString('en')}: ${frame.caught} of ${frame.count} modes caught`];
  parts.push(`${percent(frame.quality)} of the points near to one`);
  const last = history.findLast((h) => h.right !== null || h.gap !== null);
  if (last?.right !== undefined && last.right !== null)
    parts.push(`the discriminator is right ${percent(last.right)} of the time`);
  else if (last) parts.push(`the critic's gap is ${last.gap.toPrecision(2)}`);
  return `${parts.join(', ')}.`;
};

const say = (text, urgent) => {
  if (!urgent && performance.now() - said < SAY) return;
  said = performance.now();
  find('.lab-status').textContent = text;
};

const draw = () => {
  if (!element.isConnected || !find('.lab-plane').clientWidth) return;
  const c = colours();
  find('.lab').classList.toggle('is-dark', document.body.classList.contains('dark'));
  drawPlane(find('.lab-plane'), real, frame);
  find('.lab-plane').setAttribute('aria-label', `The plane. ${sentence()}`);
  const steps = history.map((h) => h.step);
  const isCritic = form.elements.loss.value.startsWith('wasserstein');
  find('.lab-first').textContent = isCritic
    ? "The critic's gap, which estimates how far the points are from the data"
    : 'How often the discriminator is right; half is what guessing gives';
  if (isCritic) {
    const gaps = history.map((h) => h.gap);
    const most = Math.max(1e-6, ...gaps);
    const values = gaps.map((gap) => (gap === null ? null : Math.max(0, gap / most)));
    drawCurve(
      find('.lab-curve.right'),
      steps,
      [{ values, colour: c.ink }],
      [
        [0, '0'],
        [1, history.length ? most.toPrecision(2) : ''],
      ],
    );
  } else {
    const values = history.map((h) => h.right);
    drawCurve(
      find('.lab-curve.right'),
      steps,
      [{ values, colour: c.ink }],
      [
        [0, '0 %'],
        [0.5, '50-50', [5, 4]],
        [1, '100 %'],
      ],
    );
  }
  const count = form.elements.data.value === 'ring8' ? 8 : 25;
  const lines = [
    { values: history.map((h) => h.caught / count), colour: c.real },
    { values: history.map((h) => h.quality), colour: c.fake, dash: [6, 3] },
  ];
  drawCurve(find('.lab-curve.caught'), steps, lines, [
    [0, '0'],
    [1, `${count} modes`, [], '100 %'],
  ]);
};

const setPlaying = (on) => {
  isPlaying = on;
  const button = find('.lab-play');
  button.textContent = on ? '\u275A\u275A Pause' : '\u25B6 Play';
};

// ---- What is asked --------------------------------------------------------------------------------------------------

// Ask for so many steps of both players or of one -> whether the training went on.
const ask = async (steps, who) => {
  const mine = run;
  for (;;) {
    if (!name) {
      const begun = await server.laboratory({ do: 'begin', name });
      if (mine !== run) return false;
      if (begun.error) return fail(begun.error);
      name = begun.name;
    }
    const answer = await server.laboratory({ do: 'play', name, settings: settings(), steps, who });
    if (mine !== run) return false;
    if (answer.place) {
      say(`Others are training. Your place in the line: ${answer.place}.`, true);
      await pause(WAIT);
      if (mine !== run) return false;
      continue;
    }
    if (answer.error) {
      if (answer.gone) name = '';
      return fail(answer.error + (answer.gone && frame ? ' Play starts from the beginning.' : ''), answer.gone);
    }
    if (!history.length || answer.step > history.at(-1).step) history = thinned([...history, answer]);
    frame = answer;
    draw();
    say(sentence());
    if (answer.ended) return fail(`It has come to its end, ${answer.step.toLocaleString('en')} steps.`);
    return true;
  }
};

const fail = (line, isGone) => {
  setPlaying(false);
  say(line, true);
  if (isGone) {
    frame = null;
    history = [];
  }
  return false;
};

const isSeen = () => !document.hidden && element.isConnected && find('.lab-plane').clientWidth > 0;

const play = async () => {
  if (isAsking) return;
  isAsking = true;
  try {
    while (isPlaying && isSeen()) {
      const isSlow = form.elements.slow.checked;
      const began = performance.now();
      if (!(await ask(isSlow ? 1 : SLICE, 'both')) && isPlaying) continue;
      const least = isSlow ? SLOW : isCalm ? CALM : 0;
      await pause(Math.max(0, least - (performance.now() - began)));
    }
  } catch {
    fail('The server does not answer. Press play to try again.');
  } finally {
    isAsking = false;
  }
  if (!isPlaying && frame) say(sentence(), true);
};

const once = async (who) => {
  setPlaying(false);
  while (isAsking) await pause(20);
  isAsking = true;
  try {
    await ask(1, who);
    say(sentence(), true);
  } catch {
    fail('The server does not answer. Try again.');
  } finally {
    isAsking = false;
  }
};

const look = async () => {
  const asked = form.elements.data.value;
  try {
    const answer = await server.laboratory({ do: 'look', data: asked });
    if (answer.error) fail(answer.error);
    else if (form.elements.data.value === asked) real = answer.real;
  } catch {
    fail('The server does not answer.');
  }
  draw();
};

// Forget the training; the next step begins another one.
const again = () => {
  run += 1;
  if (name) server.laboratory({ do: 'end', name }).catch(() => {});
  name = '';
  frame = null;
  history = [];
  draw();
  say(isPlaying ? 'It begins.' : 'Press play.', true);
};

// ---- Switches, presets and the address --------------------------------------------------------------------------------

const changed = () => Object.fromEntries(Object.entries(settings()).filter(([key, value]) => value !== defaults[key]));

const report = () => {
  const { zoo } = window;
  if (!zoo) return;
  const values = changed();
  const query = Object.keys(values).length ? zoo.compose(tab, values, '') : zoo.defaultQuery(tab);
  zoo.debounce(tab, () => zoo.setQuery(tab, query));
};

const showPreset = () => {
  const now = JSON.stringify(
    Object.entries(changed())
      .filter(([key]) => key !== 'seed' && key !== 'data')
      .sort(),
  );
  let looked = '';
  presets.forEach((preset, i) => {
    const wanted = Object.entries(preset.values).filter(([key, value]) => value !== defaults[key]);
    const isIt = JSON.stringify(wanted.sort()) === now;
    find(`.lab-presets [data-i="${i}"]`).setAttribute('aria-pressed', isIt);
    if (isIt) looked = preset.look;
  });
  find('.lab-look').textContent = looked;
};

// Set the switches -> what of it is not among their options.
const set = (values) => {
  const refused = [];
  for (const [key, value] of Object.entries({ ...defaults, ...values })) {
    const field = form.elements[key];
    const isKnown = key in defaults && (key === 'seed' ? /^[0-9]{1,10}$/.test(value) : options[key].some(([v]) => v === value));
    if (isKnown) field.value = value;
    else refused.push(`${key}=${value}`.slice(0, 40));
    if (!isKnown && key in defaults) field.value = defaults[key];
  }
  return refused;
};

const fill = () => {
  for (const [key, choices] of Object.entries(options)) {
    form.elements[key].replaceChildren(...choices.map(([value, label]) => new Option(label, value)));
  }
  const chips = presets.map(({ label }, i) => {
    const chip = document.createElement('button');
    chip.type = 'button';
    chip.textContent = label;
    chip.dataset.i = i;
    return chip;
  });
  find('.lab-presets').replaceChildren(...chips);
};

// What the address says; -> whether it says anything of this tab.
const readAddress = () => {
  const query = new URLSearchParams(location.search);
  if (query.get('tab') !== tab) return set({}) && false;
  const own = Object.fromEntries([...query].filter(([key]) => key in defaults));
  const refused = set(own);
  const unknown = [...query.keys()].filter((key) => !(key in defaults) && !NOT_OURS.includes(key));
  const passed = [...refused, ...unknown.map((key) => key.slice(0, 40))];
  find('.lab-copied').textContent = passed.length ? `Not everything in this link could be taken: ${passed.join(', ')}.` : '';
  return Object.keys(own).length > 0;
};

const start = () => {
  again();
  look();
  showPreset();
  report();
};

form.addEventListener('submit', (event) => event.preventDefault());
form.addEventListener('change', (event) => {
  if (event.target.name === 'slow') return;
  if (event.target.name === 'seed' && !/^[0-9]{1,10}$/.test(event.target.value.trim())) event.target.value = defaults.seed;
  start();
});
element.addEventListener('click', async (event) => {
  const chip = event.target.closest('.lab-presets button');
  if (chip) {
    set({ ...presets[chip.dataset.i].values, seed: form.elements.seed.value });
    start();
    setPlaying(true);
    play();
  }
  const act = event.target.closest('[data-act]')?.dataset.act;
  if (act === 'play') {
    setPlaying(!isPlaying);
    play();
  } else if (act === 'again') again();
  else if (['D', 'G', 'both'].includes(act)) once(act);
  else if (act === 'link') {
    const query = window.zoo?.compose(tab, { ...changed(), seed: form.elements.seed.value }, '') ?? '';
    const link = `${location.origin}${location.pathname}?${query}`;
    try {
      await navigator.clipboard.writeText(link);
      find('.lab-copied').textContent = 'Copied.';
    } catch {
      find('.lab-copied').textContent = link;
    }
  }
});
// A page that cannot be seen asks for nothing; it goes on when it is seen again.
document.addEventListener('visibilitychange', () => isPlaying && play());
new IntersectionObserver(() => isPlaying && play()).observe(element);
new ResizeObserver(draw).observe(element);
new MutationObserver(draw).observe(document.body, { attributeFilter: ['class'] });
window.addEventListener('pagehide', () => name && server.laboratory({ do: 'end', name }).catch(() => {}));
window.addEventListener('popstate', () => {
  if (new URLSearchParams(location.search).get('tab') !== tab) return;
  readAddress();
  start();
});

fill();
const isLinked = readAddress();
showPreset();
look();
if (isLinked && !isCalm) {
  setPlaying(true);
  play();
}
