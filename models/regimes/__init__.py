"""Regimes: hidden Markov model, jump model and k-means, refitted along a walk."""
