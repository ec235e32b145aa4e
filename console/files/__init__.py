"""Files of this machine that actions write and read."""
