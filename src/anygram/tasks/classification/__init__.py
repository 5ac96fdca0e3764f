"""Classification: which label a document has, by what it costs under each, or by what a model says itself.

P(label | document) ∝ P(label) P(document | label) for a model of texts; a model with a head says it. Both,
and several runs, are witnesses, whose weights are fitted to labelled documents that none of them has learnt.

evidence   what speaks for each label of a document
rule       priors, and labels from probabilities
fitting    the weights of witnesses, how sure they may be, thresholds
deciding   documents judged
metrics    how well labels agree with the truth
telling    which words speak for a label
asking     runs as witnesses, and documents judged by them
"""

from anygram.tasks.classification.asking import Asked, Classification, classifier_of, fit
from anygram.tasks.classification.deciding import Classified, Classifier
from anygram.tasks.classification.evidence import Witness
from anygram.tasks.classification.fitting import FEWEST, Fit
from anygram.tasks.classification.metrics import UNMEASURED, Measures, can_measure, measure
from anygram.tasks.classification.rule import Rule
from anygram.tasks.classification.telling import Span, Told

__all__ = [
    "FEWEST",
    "UNMEASURED",
    "Asked",
    "Classification",
    "Classified",
    "Classifier",
    "Fit",
    "Measures",
    "Rule",
    "Span",
    "Told",
    "Witness",
    "can_measure",
    "classifier_of",
    "fit",
    "measure",
]
