"""Intel's graphics cards, by their drivers' hwmon files."""
