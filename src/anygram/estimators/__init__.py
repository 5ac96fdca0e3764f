"""Tasks by the words that users of scikit-learn know: fit, predict, transform; needs scikit-learn 1.6.

X is a list, or an array of one axis, of texts; with the codec `table` it is an array of two axes, or a frame,
whose rows are those of a table. Fitted estimators can be pickled: their state holds the files of their run.
"""

from importlib.util import find_spec

if find_spec("sklearn") is None:
    raise ImportError("anygram.estimators needs scikit-learn; pip install 'anygram[metrics]'")

from anygram.estimators.classifier import LanguageModelClassifier
from anygram.estimators.embedder import LanguageModelEmbedder
from anygram.estimators.outliers import PerplexityOutlierDetector
from anygram.estimators.translator import Translator

__all__ = ["LanguageModelClassifier", "LanguageModelEmbedder", "PerplexityOutlierDetector", "Translator"]
