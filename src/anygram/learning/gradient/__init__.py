"""Learning by gradient: packed blocks with carried state, one schedule over the budget.

config        the settings
schedules     the rate at each moment of the budget
optimisers    what takes a step
learner       one update after another, and what resuming needs
"""

from anygram.learning.gradient.config import Config
from anygram.learning.gradient.learner import GradientLearner

__all__ = ["Config", "GradientLearner"]
