"""The streaming replicas of a server, compared with it."""
