"""Feeds in the style of 7digital: CSV files of releases or tracks, full or incremental."""
