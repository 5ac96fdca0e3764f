"""Anomalies: what surprises a model more than normal data do, where in it, and what was expected there.

A record's score comes from its surprisals, −log p of each symbol given all before it (Chandola, Banerjee &
Kumar 2012, "Anomaly detection for discrete sequences: a survey"); the threshold from normal records, for a
share of false alarms that is then measured on others.
"""

from anygram.tasks.anomalies.calibration import Asked, Labelled
from anygram.tasks.anomalies.detection import Anomalies, Finding
from anygram.tasks.anomalies.rule import Rule

__all__ = ["Anomalies", "Asked", "Finding", "Labelled", "Rule"]
