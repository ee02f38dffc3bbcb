"""Operators of the methods, with one implementation for each kind of device."""
