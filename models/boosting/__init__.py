"""Gradient-boosted trees and their fast walk-forward."""
