"""Rows, pictures and sounds that are not like those learnt from, and peers from scikit-learn."""
