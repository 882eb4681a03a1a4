"""One episode: simulate it, verify its power flow, book its money, put it into tables."""
