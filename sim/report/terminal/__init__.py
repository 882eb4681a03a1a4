"""What is printed: tables for people, one JSON object for machines."""
