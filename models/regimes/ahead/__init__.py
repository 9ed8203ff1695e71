"""The regime one horizon ahead: distributions from transitions or a classifier, and what they are judged against."""
