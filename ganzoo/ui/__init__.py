"""The app: Spec -> tab, Input -> control. With app.py, the only place that imports gradio."""
