"""Whether recent dates differ from those before."""
