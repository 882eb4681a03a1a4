"""Policies on many days: one episode, many episodes, and paired statistics."""
