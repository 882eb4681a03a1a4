"""The simulator. Users import `gridhaul`, which names what is public."""
