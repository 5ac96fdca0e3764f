"""Laws that models and codecs keep, and cases to try them on; importable by plug-in packages."""

from anygram.laws.cases import Case, Subject, cases
from anygram.laws.claims import laws_of
from anygram.laws.models import MODEL_LAWS, Law

__all__ = ["MODEL_LAWS", "Case", "Law", "Subject", "cases", "laws_of"]
