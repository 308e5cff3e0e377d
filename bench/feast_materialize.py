"""Materialize with Feast's DuckDB store into its SQLite online store: feature rows, answer (Parquet files), feature names.

Prints one line of JSON: the seconds of each run into an empty online store. The answer is what Feast then serves for every key.
"""

import json
import os
import resource
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone

os.environ.setdefault("FEAST_USAGE", "False")

import feast
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float32

rows, answer, names = sys.argv[1:4]
names = names.split(",")
batch_keys = 10_000


def materialize(folder):
    """Applies the view into an empty folder and materializes it. Returns the store and the seconds of the latter."""
    store = FeatureStore(
        config=RepoConfig(
            project="bench",
            provider="local",
            registry=os.path.join(folder, "registry.db"),
            online_store={"type": "sqlite", "path": os.path.join(folder, "online.db")},
            offline_store={"type": "duckdb"},
            entity_key_serialization_version=3,
        )
    )
    driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
    view = FeatureView(
        name="driver_stats",
        entities=[driver],
        ttl=timedelta(0),
        schema=[Field(name=name, dtype=Float32) for name in names],
        source=FileSource(path=rows, timestamp_field="event_timestamp", created_timestamp_column="created_timestamp"),
        online=True,
    )
    store.apply([driver, view])
    start = time.monotonic()
    store.materialize(datetime(2023, 1, 1, tzinfo=timezone.utc), datetime(2025, 1, 1, tzinfo=timezone.utc))
    return store, time.monotonic() - start


def serve(store, keys):
    """What the online store gives for every key: key, event time, features."""
    tables = []
    for start in range(0, len(keys), batch_keys):
        batch = keys[start : start + batch_keys]
        served = store.get_online_features(
            features=[f"driver_stats:{name}" for name in names],
            entity_rows=[{"driver_id": key} for key in batch],
        ).to_dict(include_event_timestamps=True)
        columns = {"driver_id": pa.array(served["driver_id"], pa.int64())}
        seconds = pa.array(served[f"{names[0]}__ts"], pa.int64())
        columns["event_timestamp"] = pc.multiply(seconds, 1_000_000).cast(pa.timestamp("us", "UTC"))
        for name in names:
            columns[name] = pa.array(served[name], pa.float32())
        tables.append(pa.table(columns))
    return pa.concat_tables(tables)


seconds = []
for _ in range(2):
    with tempfile.TemporaryDirectory() as folder:
        store, taken = materialize(folder)
        seconds.append(taken)
        keys = pc.unique(pq.read_table(rows, columns=["driver_id"])["driver_id"]).to_pylist()
        if len(seconds) == 1:
            pq.write_table(serve(store, keys), answer)

peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"seconds": seconds, "keys": len(keys), "version": feast.__version__, "peakMegabytes": peak}))
