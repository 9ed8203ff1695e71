"""Labels, and folds whose training labels have ended before the test begins."""
