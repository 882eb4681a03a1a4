"""Replay: a stored episode runs again and is proved to be the same."""
