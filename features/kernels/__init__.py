"""Statistics over trailing windows, across assets and by recursion, compiled."""
