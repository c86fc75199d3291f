// A visitor's picture (upload.py). Gradio, and the static site, run this in a function that has `element`, `props`, `trigger` and
// `watch`. The browser opens it, turns it upright and makes it small; what is sent is a PNG as a data address, and no file.
const { side, heaviest, hint } = JSON.parse(element.querySelector('.upload').dataset.settings);
const part = (name) => element.querySelector(name);

const show = (said = hint, isWrong = false) => {
  if (!part('figure')) return;
  part('figure').hidden = !props.value;
  if (props.value) part('img').src = props.value;
  else part('img').removeAttribute('src');
  part('p').textContent = said;
  part('p').classList.toggle('wrong', isWrong);
};

// A file as a PNG on white whose longer side is at most `side`; an error if it is no picture.
const shrunk = async (file) => {
  const image = new Image();
  const address = URL.createObjectURL(file);
  try {
    image.src = address;
    await image.decode();
    const [width, height] = [image.naturalWidth, image.naturalHeight];
    const scale = Math.min(1, side / Math.max(width, height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const pen = canvas.getContext('2d');
    pen.fillStyle = '#fff';
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingQuality = 'high';
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL('image/png');
  } finally {
    URL.revokeObjectURL(address);
  }
};

const choose = async (file) => {
  if (!file) return;
  const name = file.name.slice(0, 60);
  if (file.size > heaviest) {
    show(`${name} has ${Math.round(file.size / 1e6)} MB; choose a picture of at most ${heaviest / 1e6} MB.`, true);
    return;
  }
  try {
    props.value = await shrunk(file);
  } catch {
    show(`${name} is no picture that this browser can open; choose a PNG, a JPEG or a WebP.`, true);
    return;
  }
  show();
  trigger('change');
};

element.addEventListener('change', (event) => {
  if (event.target.type !== 'file') return;
  event.stopPropagation();
  choose(event.target.files[0]);
  event.target.value = '';
});
element.addEventListener('dragover', (event) => event.preventDefault());
element.addEventListener('drop', (event) => {
  event.preventDefault();
  choose(event.dataTransfer.files[0]);
});
element.addEventListener('click', (event) => {
  if (!event.target.closest('.upload-remove')) return;
  props.value = '';
  show();
  trigger('change');
});
watch('value', () => requestAnimationFrame(() => show()));
show();
