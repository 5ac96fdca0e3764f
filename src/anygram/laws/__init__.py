"""Laws that models and codecs keep, and cases to try them on; importable by plug-in packages."""

from anygram.laws.cases import Case, Subject, cases
from anygram.laws.claims import laws_of
from anygram.laws.codecs import CODEC_LAWS, CodecLaw, fitting_succeeds_or_is_refused, texts
from anygram.laws.data import data_of
from anygram.laws.models import MODEL_LAWS, Law
from anygram.laws.readers import READER_LAWS

__all__ = [
    "CODEC_LAWS",
    "MODEL_LAWS",
    "READER_LAWS",
    "Case",
    "CodecLaw",
    "Law",
    "Subject",
    "cases",
    "data_of",
    "fitting_succeeds_or_is_refused",
    "laws_of",
    "texts",
]
