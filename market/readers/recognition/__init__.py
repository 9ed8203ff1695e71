"""Recognition: what columns of particular vendors hold."""
