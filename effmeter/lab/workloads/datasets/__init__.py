"""The data sets: one table of what there is, and a reader for each format of files."""
