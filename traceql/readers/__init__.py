"""Report formats: one reader module per format, found by what the file holds, not by its name."""
