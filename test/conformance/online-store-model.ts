/**
 * The rules of src/online-store/online-store.ts, written down a second time in the plainest way, on plain objects. It shares no code
 * with the store, so that a mistake would have to be made twice to go unnoticed.
 */
export interface ModelRow {
  readonly generation: number;
  readonly committed: number;
  readonly tombstone: boolean;
  /** Event time, created time (null is older than any), ingest time, position. */
  readonly ties: readonly [number, number | null, number, number];
  readonly value: number;
}

interface Stored extends ModelRow {
  readonly reflects: number;
}

function newer(a: ModelRow, b: ModelRow): boolean {
  for (let index = 0; index < a.ties.length; index += 1) {
    const left = a.ties[index] ?? Number.NEGATIVE_INFINITY;
    const right = b.ties[index] ?? Number.NEGATIVE_INFINITY;
    if (left !== right) return left > right;
  }
  return false;
}

export class OnlineModel {
  readonly rows = new Map<string, Stored>();

  writeNewer(generation: number, entries: readonly (readonly [string, ModelRow])[]) {
    const report = { written: 0, stale: 0 };
    for (const [key, row] of entries) {
      const stored = this.rows.get(key);
      let goesIn: boolean;
      let reflects = 0;
      if (stored === undefined || stored.generation < generation) {
        goesIn = true;
      } else if (stored.generation > generation) {
        goesIn = false;
      } else {
        reflects = stored.reflects;
        goesIn = row.committed > stored.reflects && (stored.tombstone || newer(row, stored));
      }
      if (goesIn) this.rows.set(key, { ...row, reflects });
      report[goesIn ? 'written' : 'stale'] += 1;
    }
    return report;
  }

  replace(generation: number, entries: readonly (readonly [string, ModelRow])[], snapshot: number) {
    const report = { written: 0, deleted: 0, left: 0 };
    for (const [key, row] of entries) {
      const stored = this.rows.get(key);
      const present = stored !== undefined && stored.generation === generation && !stored.tombstone;
      const hands_off =
        stored !== undefined &&
        (stored.generation > generation ||
          (stored.generation === generation && (stored.committed > snapshot || stored.reflects > snapshot)));
      if (hands_off) {
        report.left += 1;
        continue;
      }
      if (!row.tombstone) report.written += 1;
      else if (present) report.deleted += 1;
      this.rows.set(key, { ...row, reflects: snapshot });
    }
    return report;
  }

  sweep(generation: number, snapshot: number) {
    let deleted = 0;
    for (const [key, stored] of this.rows) {
      if (stored.generation > generation || stored.reflects >= snapshot || stored.committed > snapshot) continue;
      if (!stored.tombstone) deleted += 1;
      this.rows.set(key, {
        ...stored,
        generation,
        committed: snapshot,
        reflects: snapshot,
        tombstone: true,
        ties: [0, null, 0, 0],
        value: 0,
      });
    }
    return { deleted };
  }

  read(generation: number, key: string): Stored | undefined {
    const stored = this.rows.get(key);
    return stored !== undefined && stored.generation === generation && !stored.tombstone ? stored : undefined;
  }
}
