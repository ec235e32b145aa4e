"""Rules that find root causes, by subject; `console.rules.diagnoses` lists them."""
