"""Tuning presets."""
