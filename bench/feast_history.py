"""Historical features with Feast's DuckDB store: feature rows, entity rows, answer (Parquet files), ttl in seconds, feature names.

Prints one line of JSON: the seconds of each retrieval (entity file to answer file) after one that warms up.
"""

import json
import os
import resource
import sys
import tempfile
import time
from datetime import timedelta

os.environ.setdefault("FEAST_USAGE", "False")

import feast
import pandas as pd
import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float32

rows, entities, answer, ttl, names = sys.argv[1:6]
names = names.split(",")

with tempfile.TemporaryDirectory() as folder:
    store = FeatureStore(
        config=RepoConfig(
            project="bench",
            provider="local",
            registry=os.path.join(folder, "registry.db"),
            online_store=None,
            offline_store={"type": "duckdb"},
            entity_key_serialization_version=3,
        )
    )
    driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
    view = FeatureView(
        name="driver_stats",
        entities=[driver],
        ttl=timedelta(seconds=float(ttl)),
        schema=[Field(name=name, dtype=Float32) for name in names],
        source=FileSource(path=rows, timestamp_field="event_timestamp", created_timestamp_column="created_timestamp"),
        online=False,
    )
    store.apply([driver, view])

    def ask():
        frame = pd.read_parquet(entities)
        job = store.get_historical_features(entity_df=frame, features=[f"driver_stats:{name}" for name in names])
        pq.write_table(job.to_arrow(), answer, compression="zstd")

    ask()
    seconds = []
    for _ in range(2):
        start = time.monotonic()
        ask()
        seconds.append(time.monotonic() - start)

peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"seconds": seconds, "version": feast.__version__, "peakMegabytes": peak}))
