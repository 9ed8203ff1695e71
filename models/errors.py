"""What can be wrong with a model.

ModelError
├── NotFittedError   it was asked to predict before it was fitted
├── TrainingError    the training data cannot be fitted
└── ExecutorError    what should compute cannot be reached, died, or runs other code
"""


class ModelError(Exception):
    """A model cannot do what it was asked for."""


class NotFittedError(ModelError):
    """Fit before you predict."""


class TrainingError(ModelError):
    """The training data cannot be fitted."""


class ExecutorError(ModelError):
    """Whatever should compute cannot."""
