"""How the app looks: one theme, readable in light and dark (contrast of at least 4.5), and the little CSS that it needs."""

from __future__ import annotations

import gradio as gr

from .assets import read

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

CSS = "".join(map(read, ("style.css", "landing.css", "closer.css")))
