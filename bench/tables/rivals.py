"""What attune fit is compared with: scikit-learn as a careful person uses it."""
import warnings

import numpy as np
from scipy.stats import loguniform
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (HistGradientBoostingClassifier, HistGradientBoostingRegressor,
                              RandomForestClassifier, RandomForestRegressor)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LassoCV, LogisticRegression, LogisticRegressionCV, RidgeCV
from sklearn.model_selection import PredefinedSplit, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

warnings.filterwarnings("ignore")
NETWORK = "MLP search"


def _columns(frame):
    numeric = [c for c in frame.columns if frame[c].dtype.kind in "ifb"]
    return numeric, [c for c in frame.columns if c not in numeric]


def _scaled(frame):
    numbers, texts = _columns(frame)
    return ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False, min_frequency=2), texts)])


def _ordinal(frame, impute):
    numbers, texts = _columns(frame)
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return ColumnTransformer([("numbers", SimpleImputer() if impute else "passthrough", numbers),
                              ("texts", ordinal, texts)])


def _search(frame, classes, seed, fold):
    network = (MLPClassifier if classes else MLPRegressor)(random_state=seed, max_iter=200)
    if not classes:
        network = TransformedTargetRegressor(network, transformer=StandardScaler())
    prefix = "network__" if classes else "network__regressor__"
    space = {"hidden_layer_sizes": [(w,) * n for w in (16, 32, 64, 128) for n in (1, 2, 3)],
             "learning_rate_init": loguniform(1e-4, 1e-1), "alpha": loguniform(1e-6, 1e-1),
             "batch_size": [16, 32, 64, 128]}
    from sklearn.pipeline import Pipeline

    pipeline = Pipeline([("scaled", _scaled(frame)), ("network", network)])
    return RandomizedSearchCV(pipeline, {prefix + k: v for k, v in space.items()}, n_iter=50,
                              cv=PredefinedSplit(fold), random_state=seed)


def make(name, frame, classes, seed, fold):
    """An estimator to fit on the rows of training and validation; `fold` is -1 and 0 for these."""
    if name == NETWORK:
        return _search(frame, classes, seed, fold)
    if name == "linear":
        return make_pipeline(_scaled(frame), LogisticRegression(max_iter=2000) if classes
                             else RidgeCV(np.logspace(-3, 3, 13)))
    if name == "sparse linear":
        model = LogisticRegressionCV(Cs=6, penalty="l1", solver="liblinear" if classes == 2 else "saga",
                                     max_iter=300) if classes else LassoCV()
        return make_pipeline(_scaled(frame), model)
    if name == "forest":
        model = RandomForestClassifier if classes else RandomForestRegressor
        return make_pipeline(_ordinal(frame, True), model(random_state=seed))
    model = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return make_pipeline(_ordinal(frame, False), model(random_state=seed))


NAMES = ["linear", "sparse linear", "forest", "boosting", NETWORK]
