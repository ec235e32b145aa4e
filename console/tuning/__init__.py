"""Presets, formulas, machine facts and guards of settings: the pure parts of apply-tuning."""
