"""Other tools that effmeter plugs into."""
