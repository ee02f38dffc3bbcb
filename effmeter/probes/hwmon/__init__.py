"""Power and energy sensors of the Linux hwmon interface."""
