// Lists that write a caption (lists.py). Gradio runs this in a function that has `element`, `props`, `trigger` and `watch`.
const selects = () => [...element.querySelectorAll('select')];
// A list that was used does not follow its options' attributes: what it shows is set here.
const show = () => {
  for (const select of selects()) {
    select.value = props.value.values[select.dataset.name] ?? '';
    select.classList.toggle('chosen', select.value !== '');
  }
};
element.addEventListener('change', (event) => {
  const { name } = event.target.dataset;
  if (!name) return;
  event.stopPropagation();
  const chosen = selects().filter((select) => select.value);
  props.value = { ...props.value, values: Object.fromEntries(chosen.map((s) => [s.dataset.name, s.value])), last: name };
  trigger('input');
});
watch('value', () => requestAnimationFrame(show));
show();
