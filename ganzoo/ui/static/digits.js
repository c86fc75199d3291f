// Train one here (ui/laboratory/view.py). Gradio runs this in a function that has `element` and `server`. As in lab.js, a
// training goes on for as long as somebody asks for the next slice of it.
const find = (selector) => element.querySelector(selector);
const WAIT = 1000; // ms between two questions in the line
const JUDGED = 256; // digits that the judge reads
const CLASSES = 10;
const percent = (share) => `${Math.round(100 * share)} %`;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

let name = ''; // of the training, on the server
let seed = 0;
let isPlaying = false;
let isAsking = false;
let run = 0; // of this page: what an earlier one answers is passed over

const say = (text) => {
  find('.lab-status').textContent = text;
};

const setPlaying = (on) => {
  isPlaying = on;
  find('.lab-play').textContent = on ? '\u275A\u275A Pause' : '\u25B6 Train';
};

const bars = Array.from({ length: CLASSES }, (_, digit) => {
  const row = document.createElement('li');
  const bar = document.createElement('i');
  const count = document.createElement('span');
  row.append(`${digit}`, bar, count);
  return { row, bar, count };
});
find('.digits-counts').replaceChildren(...bars.map(({ row }) => row));

const show = (frame) => {
  const picture = find('.digits-picture');
  picture.hidden = false;
  picture.src = `data:image/png;base64,${frame.picture}`;
  picture.alt = `64 digits, after ${Math.round(frame.seconds)} seconds of training`;
  frame.counts.forEach((count, digit) => {
    bars[digit].bar.style.width = `${(100 * count) / Math.max(...frame.counts)}%`;
    bars[digit].count.textContent = count;
  });
  find('.digits-sure').textContent =
    `The judge is at least 90 % sure of ${percent(frame.sure)} of ${JUDGED} digits, and reads:`;
  find('[data-act=keep]').disabled = false;
};

const fail = (line, isGone) => {
  setPlaying(false);
  say(line);
  if (isGone) {
    name = '';
    find('[data-act=keep]').disabled = true;
  }
};

const isSeen = () => !document.hidden && element.isConnected && find('.lab-play').offsetParent;

const slice = async (mine) => {
  if (!name) {
    const begun = await server.digits({ do: 'begin', name });
    if (mine !== run) return;
    if (begun.error) {
      fail(begun.error);
      return;
    }
    name = begun.name;
    say('It begins.');
  }
  const answer = await server.digits({ do: 'play', name, seed });
  if (mine !== run) return;
  if (answer.place) {
    say(`Somebody else is training. Your place in the line: ${answer.place}.`);
    await pause(WAIT);
  } else if (answer.error) {
    fail(answer.error, answer.gone || !answer.step);
  } else {
    show(answer);
    say(`${Math.round(answer.seconds)} s of training, ${answer.images.toLocaleString('en')} pictures seen.`);
    if (answer.ended)
      fail(
        `It has had its three minutes: ${answer.images.toLocaleString('en')} pictures seen. Keep it, within a minute if others wait, or start again.`,
      );
  }
};

const play = async () => {
  if (isAsking) return;
  isAsking = true;
  try {
    while (isPlaying && isSeen()) await slice(run);
  } catch {
    fail('The server does not answer. Press train to try again.');
  } finally {
    isAsking = false;
  }
};

const again = () => {
  run += 1;
  if (name) server.digits({ do: 'end', name }).catch(() => {});
  name = '';
  seed = Math.floor(Math.random() * 2 ** 32);
  find('.digits-picture').hidden = true;
  find('.digits-sure').textContent = '';
  find('[data-act=keep]').disabled = true;
  for (const { bar, count } of bars) {
    bar.style.width = '0';
    count.textContent = '';
  }
  say(isPlaying ? 'It begins.' : 'Press train.');
};

const keep = async () => {
  const { path, error, gone } = await server.digits({ do: 'keep', name });
  if (error) {
    fail(error, gone);
    return;
  }
  const link = document.createElement('a');
  link.href = `gradio_api/file=${path}`;
  link.download = 'digits.zip';
  link.click();
};

element.addEventListener('click', (event) => {
  const act = event.target.closest('[data-act]')?.dataset.act;
  if (act === 'play') {
    setPlaying(!isPlaying);
    if (!isPlaying && name) say('Paused. It is kept for ten minutes, or for one if others wait.');
    play();
  } else if (act === 'again') again();
  else if (act === 'keep') keep().catch(() => fail('The server does not answer. Try again.'));
});
document.addEventListener('visibilitychange', () => isPlaying && play());
new IntersectionObserver(() => isPlaying && play()).observe(element);
window.addEventListener('pagehide', () => name && server.digits({ do: 'end', name }).catch(() => {}));
