"""Power models for components without a sensor."""
