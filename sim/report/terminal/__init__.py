"""Terminal output: tables for people, one JSON object for machines."""
