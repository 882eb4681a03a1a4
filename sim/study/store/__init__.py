"""A study on disk: files that are whole or not there, and what they say."""
