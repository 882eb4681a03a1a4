"""The scheduling problem as data: places and times, batteries, prices."""
