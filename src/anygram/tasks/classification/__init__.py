"""Classification: which label a document has, by what it costs under each, or by what a model says itself.

P(label | document) ∝ P(label) P(document | label) for a model of texts; a model with a head says it. Both, and
several runs, are witnesses, whose weights are fitted to labelled documents that none of them has learnt.
"""

from anygram.tasks.classification.deciding import Classified, Classifier
from anygram.tasks.classification.evidence import Witness
from anygram.tasks.classification.fitting import Fit
from anygram.tasks.classification.metrics import Measures, measure
from anygram.tasks.classification.rule import Rule

__all__ = ["Classified", "Classifier", "Fit", "Measures", "Rule", "Witness", "measure"]
