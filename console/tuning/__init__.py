"""Presets, formulas, facts and guards of settings: pure parts of the action apply-tuning."""
