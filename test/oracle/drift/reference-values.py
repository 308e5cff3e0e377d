"""Reference values for the drift statistics, from scipy.

    python3 -m venv /tmp/drift-oracle && /tmp/drift-oracle/bin/pip install numpy==2.4.6 scipy==1.17.1 pyarrow==26.0.1
    /tmp/drift-oracle/bin/python test/oracle/drift/reference-values.py

writes reference-values.json beside this file. Samples are made of a quadratic congruence that NumPy and SQL compute alike, so the
file holds their SQL and not their rows; real samples are read from data/driver_stats.parquet.
"""

import json
import pathlib
from datetime import datetime

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import scipy
from scipy import stats
from scipy.spatial.distance import jensenshannon

here = pathlib.Path(__file__).parent
root = here.parents[2]
prime = 2147483647


def uniform(n, seed):
    """Numbers in [0, 1): `u` in the SQL of a case."""
    i = np.arange(n, dtype=np.int64)
    x = (i * 48271 + seed * 7919 + 12345) % prime
    x = (x * x + 7 * x + seed) % prime
    x = (x * 16807 + i) % prime
    return x / prime


def from_uniform(n, seed, expression):
    first = f"(i * 48271 + {seed} * 7919 + 12345) % {prime}"
    second = f"(x * x + 7 * x + {seed}) % {prime}"
    third = f"((x * 16807 + i) % {prime})::DOUBLE / {prime}"
    return (
        f"SELECT {expression} AS v FROM (SELECT {third} AS u, i FROM (SELECT i, {second} AS x FROM "
        f"(SELECT i, {first} AS x FROM range({n}) AS t(i))))"
    )


# A shape: its SQL over u, and the same in NumPy.
shapes = {
    "uniform": ("u", lambda u: u),
    "shifted": ("u * 1.1 + 0.05", lambda u: u * 1.1 + 0.05),
    "skewed": ("-ln(1 - u)", lambda u: -np.log(1 - u)),
    "heavy": ("tan(pi() * (u - 0.5))", lambda u: np.tan(np.pi * (u - 0.5))),
    "heavy wider": ("3 * tan(pi() * (u - 0.5))", lambda u: 3 * np.tan(np.pi * (u - 0.5))),
    "huge": ("(u - 0.5) * 1e300", lambda u: (u - 0.5) * 1e300),
    "huge shifted": ("(u - 0.4) * 1e300", lambda u: (u - 0.4) * 1e300),
    "tiny": ("u * 1e-200", lambda u: u * 1e-200),
    "tiny shifted": ("u * 1.2e-200", lambda u: u * 1.2e-200),
    "ties": ("floor(u * 10)::INTEGER", lambda u: np.floor(u * 10)),
    "ties shifted": ("floor(u * u * 11)::INTEGER", lambda u: np.floor(u * u * 11)),
    "float32": ("(u * 3)::FLOAT", lambda u: (u * 3).astype(np.float32).astype(np.float64)),
    "float32 shifted": ("(u * 3.1)::FLOAT", lambda u: (u * 3.1).astype(np.float32).astype(np.float64)),
    "large integers": (
        "(1000000000000 + floor(u * 1e6))::BIGINT",
        lambda u: 1000000000000 + np.floor(u * 1e6),
    ),
    "zero inflated": ("CASE WHEN u < 0.6 THEN 0 ELSE u END::DOUBLE", lambda u: np.where(u < 0.6, 0, u)),
    "zero inflated less": ("CASE WHEN u < 0.5 THEN 0 ELSE u END::DOUBLE", lambda u: np.where(u < 0.5, 0, u)),
    "constant": ("7::DOUBLE", lambda u: np.full(len(u), 7.0)),
    "bool": ("u < 0.3", lambda u: u < 0.3),
    "bool shifted": ("u < 0.37", lambda u: u < 0.37),
    "few integers": ("floor(u * 4)::INTEGER", lambda u: np.floor(u * 4)),
    "few integers shifted": ("floor(u * u * 5)::INTEGER", lambda u: np.floor(u * u * 5)),
    "letters": ("chr(97 + floor(u * 6)::INTEGER)", lambda u: np.floor(u * 6)),
    "letters, one missing": ("chr(97 + floor(u * 5)::INTEGER)", lambda u: np.floor(u * 5)),
    "letters, one new": ("chr(97 + floor(u * 7)::INTEGER)", lambda u: np.floor(u * 7)),
    "other letters": ("chr(65 + floor(u * 6)::INTEGER)", lambda u: 100 + np.floor(u * 6)),
    "one letter": ("'a'", lambda u: np.zeros(len(u))),
    "many values": ("'v' || floor(u * 150)", lambda u: np.floor(u * 150)),
    "many values shifted": ("'v' || floor(u * u * 150)", lambda u: np.floor(u * u * 150)),
}
categorical = {"bool", "letters", "one letter", "many values", "other letters"}


def sample(shape, n, seed):
    sql, compute = shapes[shape]
    return from_uniform(n, seed, sql), np.asarray(compute(uniform(n, seed)), dtype=np.float64)


def stability(p, q):
    """As src/quality/drift/counts.ts says: half a row stands for none."""
    n, m = p.sum(), q.sum()
    p, q = np.maximum(p, 0.5) / n, np.maximum(q, 0.5) / m
    return float(np.sum((p - q) * np.log(p / q)))


def of_values(current, reference):
    values = np.union1d(current, reference)
    counts = np.array([[np.sum(current == v) for v in values], [np.sum(reference == v) for v in values]])
    chi2 = stats.chi2_contingency(counts, correction=False)
    n, m = len(current), len(reference)
    degrees = len(values) - 1
    return {
        "chiSquared": {"statistic": float(chi2.statistic), "pValue": float(chi2.pvalue)},
        "jensenShannon": float(jensenshannon(counts[0], counts[1], base=2)),
        "psi": stability(*counts),
        "psiFloor": float(stats.chi2.ppf(0.95, degrees) * (1 / n + 1 / m)) if degrees > 0 else 0,
    }


def of_numbers(current, reference):
    n, m = len(current), len(reference)
    ks = stats.ks_2samp(current, reference)
    # scipy differences overflow above half the largest double; dividing by a power of two loses nothing.
    unit = 2.0 ** np.floor(np.log2(np.max(np.abs(np.concatenate([current, reference])))))
    a, b = current / unit, reference / unit
    deciles = np.unique(np.quantile(b, np.arange(1, 10) / 10, method="inverted_cdf"))
    bins = np.array([np.bincount(np.searchsorted(deciles, x, side="left"), minlength=len(deciles) + 1) for x in (a, b)])
    bins = bins[:, bins.sum(axis=0) > 0]
    return {
        "ks": {"statistic": float(ks.statistic), "pValue": float(ks.pvalue)},
        "wasserstein": None if np.std(b) == 0 else float(stats.wasserstein_distance(a, b) / np.std(b)),
        "psi": stability(*bins),
        "psiFloor": float(stats.chi2.ppf(0.95, bins.shape[1] - 1) * (1 / n + 1 / m)) if bins.shape[1] > 1 else 0,
        "psiBins": int(bins.shape[1]),
    }


cases = []


def case(name, current, reference, is_categorical):
    (sql, a), (reference_sql, b) = current, reference
    distinct = len(np.union1d(a, b))
    expected = {} if is_categorical else {"numbers": of_numbers(a, b)}
    if distinct <= 200:
        expected["values"] = of_values(a, b)
    cases.append(
        {
            "name": name,
            "current": {"rows": len(a), "sql": sql},
            "reference": {"rows": len(b), "sql": reference_sql},
            "distinct": distinct,
            **expected,
        }
    )


pairs = [
    ("uniform", "uniform"), ("shifted", "uniform"), ("skewed", "skewed"), ("skewed", "uniform"), ("heavy", "heavy"),
    ("heavy wider", "heavy"), ("huge shifted", "huge"), ("tiny shifted", "tiny"), ("ties", "ties"),
    ("ties shifted", "ties"), ("float32 shifted", "float32"), ("large integers", "large integers"),
    ("zero inflated less", "zero inflated"), ("uniform", "constant"), ("constant", "uniform"), ("constant", "constant"),
    ("bool", "bool"), ("bool shifted", "bool"), ("few integers", "few integers"),
    ("few integers shifted", "few integers"), ("letters", "letters"), ("letters, one missing", "letters"),
    ("letters, one new", "letters"), ("other letters", "letters"), ("one letter", "one letter"),
    ("many values", "many values"), ("many values shifted", "many values"),
]
sizes = [(1, 1), (7, 4), (30, 30), (100, 37), (400, 1000), (1000, 1000), (9999, 1000), (30000, 700), (2500, 5000), (20000, 20000)]
for now, before in pairs:
    for number, (n, m) in enumerate(sizes):
        is_categorical = any(shape.split(",")[0].replace(" shifted", "") in categorical for shape in (now, before))
        case(
            f"{now} against {before}, {n} and {m} rows",
            sample(now, n, 11 + number),
            sample(before, m, 97 + number),
            is_categorical,
        )

drivers = pq.read_table(root / "data" / "driver_stats.parquet")
middle = "2021-07-21 00:00:00"
is_later = pc.greater_equal(drivers["datetime"], datetime.fromisoformat(middle + "+00:00"))
for column in ["conv_rate", "acc_rate", "avg_daily_trips", "driver_id"]:
    halves = []
    for later in (True, False):
        mask = is_later if later else pc.invert(is_later)
        values = drivers.filter(mask)[column].drop_null().to_numpy().astype(np.float64)
        sign = ">=" if later else "<"
        halves.append(
            (
                f"SELECT {column} AS v FROM read_parquet('data/driver_stats.parquet') "
                f"WHERE datetime {sign} TIMESTAMPTZ '{middle}+00' AND {column} IS NOT NULL",
                values,
            )
        )
    case(f"driver_stats {column}, after and before {middle}", *halves, False)

rng = np.random.default_rng(42)
p_values = [rng.uniform(size=n).tolist() for n in (1, 2, 5, 20)] + [[0.01, 0.01, 0.04, 0.03, 0.2, 1.0], [0.0, 0.0, 1.0]]
tails = {
    "chiSquaredSf": [
        [x, k, float(stats.chi2.sf(x, k))]
        for k in (1, 2, 3, 9, 30, 199, 1000)
        for x in (1e-8, 0.01, 0.5, 1, 3.84, 10, 50, 200, 300, 1000)
    ],
    "chiSquaredPpf": [
        [p, k, float(stats.chi2.ppf(p, k))] for k in (1, 2, 3, 9, 30, 199, 1000) for p in (0.01, 0.5, 0.95, 0.995, 0.9999)
    ],
    "kolmogorovSf": [
        [n, float(z / np.sqrt(n)), float(stats.kstwo.sf(z / np.sqrt(n), n))]
        for n in (1, 2, 5, 20, 140, 141, 500, 5000, 20000, 99999, 100001, 500000)
        for z in (0.01, 0.3, 0.45, 0.6, 0.8, 1, 1.2, 1.36, 1.48, 1.6, 2.1, 3, 5)
    ],
    # Sizes, the largest difference of cumulated shares times both, and the p-value.
    "ksTwoSample": [
        [n, m, int(round(result.statistic * n * m)), float(result.pvalue)]
        for n, m in ((1, 1), (1, 5), (2, 3), (10, 7), (100, 100), (100, 37), (999, 1000), (10000, 700), (10000, 10000), (10001, 40))
        for shift in (0, 0.03, 0.1, 0.4, 2)
        for result in [stats.ks_2samp(np.round(rng.normal(size=n), 2), np.round(rng.normal(shift, size=m), 2))]
    ],
    "falseDiscovery": [[ps, stats.false_discovery_control(ps).tolist()] for ps in p_values],
}

out = {"made by": f"scipy {scipy.__version__}, numpy {np.__version__}", "cases": cases, "tails": tails}
(here / "reference-values.json").write_text(json.dumps(out, indent=1) + "\n")
print(len(cases), "cases")
