// Arrow keys move between tabs, as the ARIA pattern for tabs asks; Gradio's tabs do not.
document.addEventListener('keydown', (event) => {
  const tab = event.target.closest?.('[role=tab]');
  if (!tab || !['ArrowRight', 'ArrowLeft', 'Home', 'End'].includes(event.key)) return;
  const tabs = [...tab.closest('[role=tablist]').querySelectorAll('[role=tab]')].filter((t) => !t.disabled);
  const at = tabs.indexOf(tab);
  const count = tabs.length;
  const to = { ArrowRight: (at + 1) % count, ArrowLeft: (at + count - 1) % count, Home: 0, End: count - 1 }[event.key];
  event.preventDefault();
  tabs[to].focus();
  tabs[to].click();
});
