"""What commands print, apart from the commands."""
