"""What a machine remembers between runs."""
