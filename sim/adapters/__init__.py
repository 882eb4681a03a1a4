"""Other programs drive the world: step by step, as an environment, or from a starter folder."""
