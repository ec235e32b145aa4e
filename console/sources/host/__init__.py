"""The machine that the PostgreSQL server runs on, as a source: read from /proc and /sys/fs/cgroup of that machine.

/proc is read directly and not through psutil: the same text can be read through the server, psutil knows neither
pressure nor the limits of a container, and importing it would cost more than a reading.
"""
