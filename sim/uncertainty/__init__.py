"""What may happen: records, traffic, and the draw of one realisation."""
