"""Ways of scikit-learn to find what is not like the rest, with their settings.

Axes: D data, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import covariance, decomposition, ensemble, neighbors, pipeline, preprocessing, svm

# scikit-learn has no types
_Forest: Any = ensemble.IsolationForest
_Factor: Any = neighbors.LocalOutlierFactor
_Support: Any = svm.OneClassSVM
_Covariance: Any = covariance.LedoitWolf
_Components: Any = decomposition.PCA
_Scaler: Any = preprocessing.StandardScaler
_Pipeline: Any = pipeline.make_pipeline

Floats = NDArray[np.float64]
Score = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Neighbours:
    """Local outlier factor (Breunig et al. 2000)."""

    neighbours: int

    def __call__(self, trained_DF: Floats, seed: int) -> Score | None:
        if self.neighbours >= len(trained_DF):
            return None
        fitted = _Pipeline(_Scaler(), _Factor(self.neighbours, novelty=True))
        fitted.fit(trained_DF)
        return lambda data_DF: -fitted.score_samples(data_DF)


@dataclass(frozen=True)
class Forest:
    """Isolation forest (Liu, Ting & Zhou 2008)."""

    trees: int

    def __call__(self, trained_DF: Floats, seed: int) -> Score | None:
        fitted = _Forest(n_estimators=self.trees, random_state=seed).fit(trained_DF)
        return lambda data_DF: -fitted.score_samples(data_DF)


@dataclass(frozen=True)
class Support:
    """One-class support vectors (Schölkopf et al. 2001)."""

    nu: float

    def __call__(self, trained_DF: Floats, seed: int) -> Score | None:
        fitted = _Pipeline(_Scaler(), _Support(nu=self.nu)).fit(trained_DF)
        return lambda data_DF: -fitted.score_samples(data_DF)


@dataclass(frozen=True)
class Reconstruction:
    """The distance to what so many principal components give back."""

    components: int

    def __call__(self, trained_DF: Floats, seed: int) -> Score | None:
        if self.components >= min(trained_DF.shape):
            return None
        scaler, pca = _Scaler().fit(trained_DF), _Components(self.components, random_state=seed)
        pca.fit(scaler.transform(trained_DF))

        def score(data_DF: Floats) -> Floats:
            scaled_DF = scaler.transform(data_DF)
            apart_DF = scaled_DF - pca.inverse_transform(pca.transform(scaled_DF))
            return np.asarray((apart_DF**2).sum(axis=1))

        return score


@dataclass(frozen=True)
class Gaussian:
    """The Mahalanobis distance, the covariance shrunk (Ledoit & Wolf 2004)."""

    def __call__(self, trained_DF: Floats, seed: int) -> Score | None:
        scaler = _Scaler().fit(trained_DF)
        fitted = _Covariance().fit(scaler.transform(trained_DF))
        return lambda data_DF: np.asarray(fitted.mahalanobis(scaler.transform(data_DF)))


PEERS: dict[str, Sequence[Callable[[Floats, int], Score | None]]] = {
    "local outlier factor": [Neighbours(count) for count in (5, 10, 20, 50)],
    "isolation forest": [Forest(count) for count in (100, 400)],
    "one-class SVM": [Support(nu) for nu in (0.05, 0.2, 0.5)],
    "PCA reconstruction": [Reconstruction(count) for count in (2, 5, 10, 20, 40)],
    "Gaussian": [Gaussian()],
}
