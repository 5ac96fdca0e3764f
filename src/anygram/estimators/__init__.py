"""Tasks by the words that users of scikit-learn know: fit, predict, transform; needs scikit-learn 1.6.

X is a list, or an array of one axis, of texts; with the codec `table` it is an array of two axes, or a frame,
whose rows are those of a table. Fitted estimators can be pickled: their state holds the files of their run.
"""

from anygram.estimators.classifier import LanguageModelClassifier
from anygram.estimators.embedder import LanguageModelEmbedder
from anygram.estimators.outliers import PerplexityOutlierDetector

__all__ = ["LanguageModelClassifier", "LanguageModelEmbedder", "PerplexityOutlierDetector"]
