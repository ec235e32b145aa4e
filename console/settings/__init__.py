"""What the user configured: the bundled defaults, the user's file over them, the targets it names."""
