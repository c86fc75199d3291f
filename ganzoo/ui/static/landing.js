// A card of the landing view opens its tab without a visit to another page; and the row of tabs shows the one that is open.
document.addEventListener('click', (event) => {
  const card = event.target.closest?.('#zoo-landing a[data-tab]');
  if (!card || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const tab = window.zoo.tabButton(card.dataset.tab);
  if (!tab) return;
  event.preventDefault();
  if (!window.zoo.ready) window.zoo.pendingTab = card.dataset.tab;
  tab.click();
  scrollTo({ top: 0 });
});
// Which cards have all of some words in their text or among their authors; a group without any goes too.
const cards = () => [...document.querySelectorAll('#zoo-landing a[data-tab]')];
const search = (words) => {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  for (const card of cards()) {
    const text = `${card.textContent} ${card.dataset.authors}`.toLowerCase();
    card.hidden = !parts.every((part) => text.includes(part));
  }
  for (const group of document.querySelectorAll('#zoo-landing section')) group.hidden = !group.querySelector('a:not([hidden])');
  const found = cards().filter((card) => !card.hidden);
  document.querySelector('#zoo-landing .none-found').hidden = found.length > 0;
  return found;
};
const openFound = (box, card) => {
  box.value = '';
  search('');
  card.click();
};
document.addEventListener('input', (event) => {
  if (event.target.id !== 'zoo-search') return;
  const title = event.target.value;
  search(title);
  const named = cards().find((card) => card.querySelector('b').textContent === title);
  if (named && event.inputType !== 'insertText') openFound(event.target, named); // it was chosen among those that are offered
});
document.addEventListener('keydown', (event) => {
  if (event.target.id !== 'zoo-search' || event.key !== 'Enter') return;
  const words = event.target.value.trim();
  const found = search(words);
  const named = found.find((card) => card.querySelector('b').textContent.toLowerCase() === words.toLowerCase());
  if (named || found.length === 1) openFound(event.target, named ?? found[0]);
  else window.zoo.tabButtons()[0].click(); // where those that are left are to be seen
});
const showTab = () => {
  const tab = document.querySelector('[role=tablist] > [role=tab][aria-selected=true]');
  const row = tab?.parentElement;
  if (row) row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.clientWidth) / 2;
};
const tabsChanged = new MutationObserver(showTab);
const waitForTabs = () => {
  const row = document.querySelector('[role=tablist]:has([data-tab-id])');
  if (!row) {
    setTimeout(waitForTabs, 100);
    return;
  }
  tabsChanged.observe(row, { subtree: true, attributeFilter: ['aria-selected'] });
  showTab();
};
waitForTabs();
