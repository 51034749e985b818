"""What becomes of a file of subscribers: it is read, its columns are matched, it is checked, its lines are written."""
