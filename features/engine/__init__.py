"""How the features of a panel are computed: in which order, in which tiles, from how much history."""
