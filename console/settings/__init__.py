"""The configuration: the bundled defaults, overridden by the user's file, and the targets that it names."""
