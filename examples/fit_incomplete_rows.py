"""Fit a mixture to rows that miss values, and see what dropping them would have cost."""

import numpy as np
from sklearn.metrics import adjusted_rand_score

from xsift.mixture import GaussianMixture

rng = np.random.default_rng(1)
truth = rng.integers(0, 3, 3000)
X = rng.normal(size=(3000, 4)) + 3 * rng.normal(size=(3, 4))[truth]
X[rng.random(X.shape) < 0.3] = np.nan
complete = ~np.isnan(X).any(axis=1)

model = GaussianMixture(3, random_state=0).fit(X)
print(f"{complete.mean():.0%} of the rows are complete; the fit uses all {len(X):,}.")
print(f"Agreement with the truth, every row:   {adjusted_rand_score(truth, model.predict(X)):.2f}")

few = GaussianMixture(3, random_state=0).fit(X[complete])
agreement = adjusted_rand_score(truth[complete], few.predict(X[complete]))
print(f"Fitted to complete rows, only of them: {agreement:.2f}, and nothing is said of the others.")
print(f"BIC {model.bic(X):,.0f}, log-density of the first row {model.score_samples(X[:1])[0]:.2f}")
