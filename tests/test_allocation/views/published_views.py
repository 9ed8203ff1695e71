"""The published examples of He and Litterman (1999) and Idzorek (2005), as printed."""

import numpy as np

COUNTRIES = ("Australia", "Canada", "France", "Germany", "Japan", "UK", "USA")
# He and Litterman, table 1 (correlations) and table 2 (volatility, market weight, equilibrium return).
CORRELATION = np.array(
    [
        [1.000, 0.488, 0.478, 0.515, 0.439, 0.512, 0.491],
        [0.488, 1.000, 0.664, 0.655, 0.310, 0.608, 0.779],
        [0.478, 0.664, 1.000, 0.861, 0.355, 0.783, 0.668],
        [0.515, 0.655, 0.861, 1.000, 0.354, 0.777, 0.653],
        [0.439, 0.310, 0.355, 0.354, 1.000, 0.405, 0.306],
        [0.512, 0.608, 0.783, 0.777, 0.405, 1.000, 0.652],
        [0.491, 0.779, 0.668, 0.653, 0.306, 0.652, 1.000],
    ]
)
VOLATILITY = np.array([16.0, 20.3, 24.8, 27.1, 21.0, 20.0, 18.7]) / 100
MARKET = np.array([1.6, 2.2, 5.2, 5.5, 11.6, 12.4, 61.5]) / 100
EQUILIBRIUM = np.array([3.9, 6.9, 8.4, 9.0, 4.3, 6.8, 7.6]) / 100
COVARIANCE = np.outer(VOLATILITY, VOLATILITY) * CORRELATION
DELTA, TAU = 2.5, 0.05

# Idzorek: table 1 and 2 (market weights, implied returns), table 5 (covariance), premium of 3 % (table 8).
CLASSES = (
    "US Bonds", "Intl Bonds", "US Large Growth", "US Large Value",
    "US Small Growth", "US Small Value", "Intl Dev. Equity", "Intl Emerg. Equity",
)  # fmt: skip
CLASS_MARKET = np.array([19.34, 26.13, 12.09, 12.09, 1.34, 1.34, 24.18, 3.49]) / 100
CLASS_IMPLIED = np.array([0.08, 0.67, 6.41, 4.08, 7.43, 3.70, 4.80, 6.60]) / 100
CLASS_COVARIANCE = np.array(
    [
        [0.001005, 0.001328, -0.000579, -0.000675, 0.000121, 0.000128, -0.000445, -0.000437],
        [0.001328, 0.007277, -0.001307, -0.000610, -0.002237, -0.000989, 0.001442, -0.001535],
        [-0.000579, -0.001307, 0.059852, 0.027588, 0.063497, 0.023036, 0.032967, 0.048039],
        [-0.000675, -0.000610, 0.027588, 0.029609, 0.026572, 0.021465, 0.020697, 0.029854],
        [0.000121, -0.002237, 0.063497, 0.026572, 0.102488, 0.042744, 0.039943, 0.065994],
        [0.000128, -0.000989, 0.023036, 0.021465, 0.042744, 0.032056, 0.019881, 0.032235],
        [-0.000445, 0.001442, 0.032967, 0.020697, 0.039943, 0.019881, 0.028355, 0.035064],
        [-0.000437, -0.001535, 0.048039, 0.029854, 0.065994, 0.032235, 0.035064, 0.079958],
    ]
)
CLASS_TAU, CLASS_PREMIUM = 0.025, 0.03
