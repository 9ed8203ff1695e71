"""Errors of models.

ModelError
├── NotFittedError   predict was called before fit
├── TrainingError    the training data cannot be fitted
└── ExecutorError    the executor cannot be reached, died, or runs other code
"""


class ModelError(Exception):
    """A model cannot be fitted or used."""


class NotFittedError(ModelError):
    """A model was used before it was fitted."""


class TrainingError(ModelError):
    """The training data cannot be fitted."""


class ExecutorError(ModelError):
    """An executor cannot compute."""
