"""Who could be held when: files of membership and delistings, and a panel with them."""
