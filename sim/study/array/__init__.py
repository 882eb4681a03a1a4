"""A study in shards, for job arrays: each is run by itself, then all are collected."""
