"""Reinforcement learning: observations as numbers, numbers as plans, and the environment."""
