"""The recorder: a process of its own that samples sensors into run files."""
