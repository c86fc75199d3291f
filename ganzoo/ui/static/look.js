// A closer look that was asked for comes into sight (views/closer.py). Gradio runs this in a function that has `element`,
// `props` and `watch`.
watch('value', () => {
  if (props.value.src) setTimeout(() => element.scrollIntoView({ block: 'nearest' }), 50); // once it has its height
});
