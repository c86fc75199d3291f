"""How the app looks: one theme, readable in light and dark (contrast of at least 4.5), and the little CSS it needs."""

from __future__ import annotations

import gradio as gr

# Of this font's semibold, which headings and buttons would be in, Gradio 6.31 brings the letter A alone; its bold is whole.
FONT = (gr.themes.LocalFont("Source Sans Pro", weights=(400, 700)), "ui-sans-serif", "system-ui", "sans-serif")
THEME = gr.themes.Default(primary_hue="indigo", secondary_hue="indigo", neutral_hue="slate", font=FONT).set(
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_300",
    block_label_text_color="*neutral_700",
    block_label_text_color_dark="*neutral_200",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_dark="*primary_600",
    button_primary_background_fill_hover_dark="*primary_700",
    button_primary_text_color="white",
    link_text_color="*primary_700",
    link_text_color_dark="*primary_300",
)

CSS = """
.gradio-container { max-width: 1120px !important; margin: 0 auto !important; }
.picture img { width: 100%; object-fit: contain; }
.idea p { font-size: 16px; line-height: 1.55; }
.said p { color: var(--body-text-color-subdued); font-size: 14px; }
.facts table { width: 100%; font-size: 14px; border-collapse: collapse; }
.facts table, .facts tr, .facts td, .facts th { border: 0 !important; }
.facts td, .facts th { overflow-wrap: normal !important; word-break: normal !important; }
.facts td, .facts th { padding: 5px 8px !important; border-bottom: 1px solid var(--border-color-primary) !important; }
.facts td:not(:first-child), .facts th:not(:first-child) { text-align: right; }
.facts td:not(:first-child) { white-space: nowrap; }
.section { margin-bottom: 28px; column-gap: 32px; }
.gradio-container pre, .gradio-container pre code { white-space: pre-wrap !important; overflow-wrap: anywhere !important; }
.choice label { min-width: 44px; justify-content: center; }
.confusion { overflow-x: auto; contain: inline-size; }
.confusion table { border-collapse: collapse; font-size: 12px; font-variant-numeric: tabular-nums; width: 100%; }
.confusion td, .confusion th { padding: 3px 5px; text-align: right; border: 1px solid var(--border-color-primary); }
.confusion th { font-weight: 500; white-space: nowrap; }
.confusion td[style] { background: color-mix(in srgb, var(--color-accent) calc(var(--share) * 45%), transparent); }
.chips { gap: 6px !important; flex-wrap: wrap; }
.chips .chip { flex: 0 0 auto !important; width: auto; min-height: 32px; padding: 2px 12px !important; border-radius: 16px; }
.heard { font-size: 14px; color: var(--body-text-color-subdued); overflow-wrap: anywhere; margin: 0; }
.heard span, .heard u { color: var(--body-text-color); }
.heard u { text-decoration: underline wavy 1.5px; text-underline-offset: 3px; }
.picture.pair { max-width: 515px; margin: 0 auto 0 0 !important; }
.flush > .html-container { padding: 0 !important; }
.near { width: 100%; max-width: 480px; height: auto; image-rendering: pixelated; border-radius: 6px; margin-top: 10px; }
.notice { padding: 10px 14px; border-radius: 8px; border: 1px solid var(--border-color-accent); font-size: 14px;
  overflow-wrap: anywhere; }
.notice ul { margin: 4px 0 0 18px; list-style: disc; }
.share { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: center; font-size: 14px; }
.share-copy { min-height: 36px; padding: 0 16px; border-radius: 8px; border: 1px solid var(--border-color-primary);
  background: var(--button-secondary-background-fill); color: var(--body-text-color); cursor: pointer; font-size: 14px; }
.share summary { cursor: pointer; }
.share details[open] { flex-basis: 100%; }
.share pre { font-size: 12px; padding: 8px; }
footer { padding: 12px 0 !important; }
@media (max-width: 640px) {
  .gradio-container { padding: 8px !important; }
  .facts table { font-size: 12px; }
  .facts td, .facts th { padding: 5px 4px !important; }
}
"""

# Arrow keys move between tabs, as the ARIA pattern for tabs asks; Gradio's tabs do not.
HEAD = """<script>
document.addEventListener('keydown', (e) => {
  const tab = e.target.closest && e.target.closest('[role=tab]');
  if (!tab || !['ArrowRight', 'ArrowLeft', 'Home', 'End'].includes(e.key)) return;
  const tabs = [...tab.closest('[role=tablist]').querySelectorAll('[role=tab]')].filter((t) => !t.disabled);
  const at = tabs.indexOf(tab), n = tabs.length;
  const to = { ArrowRight: (at + 1) % n, ArrowLeft: (at + n - 1) % n, Home: 0, End: n - 1 }[e.key];
  e.preventDefault(); tabs[to].focus(); tabs[to].click();
});
</script>"""
