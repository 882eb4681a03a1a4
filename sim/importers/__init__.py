"""Networks, roads and profiles that others describe, turned into what gridhaul simulates."""
