"""Text of files: lines, columns, dates and names as they are written."""
