"""effmeter measures what training costs in energy and relates it to what was learned."""
