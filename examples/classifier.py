"""The calibrated method as a scikit-learn classifier, in folds by source, beside a random forest.

python classifier.py
"""

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold, cross_val_predict

from xsift import CalibratedClassifier
from xsift.classes import PAPER_CLASSES
from xsift.simulate import simulate

survey = simulate(500, seed=1)
columns = ["hard_hm", "hard_ms", "powlaw_gamma", "bb_kt", "var_prob_b"]
X = np.column_stack([survey.detections[name].to_numpy() for name in columns])
group_of = {c.code: c.group for c in PAPER_CLASSES.classes}
y = np.array([group_of.get(code, "") for code in survey.truth])
X, y = X[y != ""], y[y != ""]
source = np.unique(survey.detections["name"].to_numpy(), return_inverse=True)[1]
source = source[np.array([code in group_of for code in survey.truth])]

for model in (CalibratedClassifier(), RandomForestClassifier(random_state=0)):
    p = cross_val_predict(model, X, y, groups=source, cv=GroupKFold(3), method="predict_proba")
    print(f"{type(model).__name__:24s} log-loss {log_loss(y, p):.2f}")
