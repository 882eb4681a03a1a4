"""Results for people: the terminal and a self-contained HTML page."""
