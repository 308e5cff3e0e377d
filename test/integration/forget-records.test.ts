import { afterEach, describe, expect, it } from 'vitest';
import { tellingColumns } from '../../src/forget/own-tables.js';
import { type SystemTable, systemColumns, systemTables } from '../../src/lake/system-tables.js';
import { onBothCatalogs } from '../support/catalogs.js';
import { TestStore } from '../support/store.js';

const gone = 777_001;
const words = `between(user_id, 1, ${gone})`;
let t: TestStore;
afterEach(() => t.close());

const insert = (table: SystemTable, row: Readonly<Record<string, string | null>>): Promise<unknown> =>
  t.store.lake.transaction({ message: 'records' }, (session) => {
    const names = Object.keys(row);
    return session.run(
      `INSERT INTO ${t.store.lake.system(table)} (${names.map((name) => `"${name}"`).join(', ')}) VALUES (${names.map((_, n) => `$${n + 1}`).join(', ')})`,
      Object.values(row),
    );
  });

const all = (table: SystemTable, columns: string) =>
  t.store.lake.all<Record<string, unknown>>(`SELECT ${columns} FROM ${t.store.lake.system(table)} ORDER BY ALL`);

/** Columns of a system table that can hold a text, as its statement has them. */
const textsOf = (table: SystemTable): Map<string, string> =>
  new Map(
    systemColumns(table)
      .map(
        (column) => [column.slice(0, column.lastIndexOf(' ')).replaceAll('"', ''), column.split(' ').at(-1)!] as const,
      )
      .filter(([, type]) => type === 'VARCHAR' || type === 'BLOB'),
  );

onBothCatalogs('forget, in records', (engines) => {
  it('leaves the key in no text of any of the tables of asof, but where it stands that they hold no values', async () => {
    t = await TestStore.open({}, await engines());
    const telling: [SystemTable, string][] = [];
    for (const table of Object.keys(systemTables) as SystemTable[]) {
      const texts = textsOf(table);
      for (const column of tellingColumns(table, texts).keys()) {
        telling.push([table, column]);
        const isBlob = texts.get(column) === 'BLOB';
        const value = JSON.stringify({ user_id: gone, kept: `${table} ${column}` });
        const { lake } = t.store;
        await lake.transaction({ message: 'planted' }, (session) =>
          session.run(`INSERT INTO ${lake.system(table)} ("${column}") VALUES (${isBlob ? 'encode($1)' : '$1'})`, [
            value,
          ]),
        );
      }
    }
    expect(new Set(telling.map(([table]) => table))).toContain('stream_claims');
    const before = await t.store.forgetting.forget([{ user_id: gone }], { dryRun: true });
    expect(Object.keys(before.removed.records).sort()).toEqual([...new Set(telling.map(([table]) => table))].sort());
    expect((await t.store.forgetting.forget([{ user_id: gone }])).left).toEqual([]);
    for (const [table, column] of telling)
      expect([table, column, await all(table, `"${column}"::VARCHAR AS v`)]).not.toEqual([
        table,
        column,
        expect.arrayContaining([{ v: expect.stringContaining(String(gone)) }]),
      ]);
  }, 120_000);

  it('takes what was observed of a join key, and leaves words of definitions, figures, and rows of others', async () => {
    t = await TestStore.open({}, await engines());
    const { lake } = t.store;
    const broken = JSON.stringify([{ rule: words, columns: ['user_id'] }]);
    for (const user_id of [5, gone])
      await insert('quarantine', { view_name: 'stats', rule: words, row: JSON.stringify({ user_id, a: 3 }), broken });
    // Rows that were dropped keep the decision alone.
    await insert('quarantine', { view_name: 'stats', rule: words, row: null, broken, state: 'dropped' });
    const result = { expectation: words, rule: 'between', columns: ['user_id'], observed: `5..${gone}`, checked: gone };
    await insert('expectation_results', {
      ...{ view_name: 'stats', expectation: words, rule: 'between' },
      ...{ columns: '["user_id"]', observed: JSON.stringify(result.observed) },
    });
    await insert('expectation_results', {
      ...{ view_name: 'stats', expectation: words, rule: 'not_null' },
      ...{ columns: '["user_id"]', observed: String(gone) },
    });
    const column = {
      ...{ column: 'user_id', currentRows: gone, psi: { value: gone, floor: 0, bins: gone } },
      overlay: { kind: 'values', values: [5, gone].map((value) => ({ value, current: gone, reference: 0 })) },
    };
    const bins = {
      column: 'user_id',
      overlay: { kind: 'bins', bins: [{ from: 1, to: gone, current: 1, reference: 0 }] },
    };
    await insert('validation_results', {
      ...{ view_name: 'stats', quality: 'warned', expectations: JSON.stringify([result]) },
      drift: JSON.stringify([{ reference: 'last accepted run', columns: [column, bins] }]),
    });
    expect(await t.store.forgetting.forget([{ user_id: gone }])).toMatchObject({
      removed: { records: { quarantine: 1, expectation_results: 1, validation_results: 1 } },
      left: [],
    });
    expect(await all('quarantine', '"row", rule, state')).toEqual([
      { row: '{"user_id":5,"a":3}', rule: words, state: null },
      { row: null, rule: words, state: 'dropped' },
    ]);
    expect(await all('expectation_results', 'rule, expectation, observed')).toEqual([
      { rule: 'between', expectation: words, observed: 'null' },
      { rule: 'not_null', expectation: words, observed: String(gone) },
    ]);
    const [found] = await all('validation_results', 'expectations, drift');
    expect(JSON.parse(String(found!['expectations']))).toEqual([{ ...result, observed: null }]);
    expect(JSON.parse(String(found!['drift']))[0].columns).toEqual([
      { ...column, overlay: { kind: 'values', values: [{ value: 5, current: gone, reference: 0 }] } },
      { ...bins, overlay: { kind: 'bins', bins: [{ from: 1, to: null, current: 1, reference: 0 }] } },
    ]);
    const statistics = await lake.all(
      `SELECT min_value, max_value FROM ${lake.metadata('ducklake_table_column_stats')}
       WHERE contains(min_value, '..${gone}') OR contains(max_value, '..${gone}')`,
    );
    expect(statistics).toEqual([]);
    expect(await t.store.forgetting.forget([{ user_id: gone }])).toMatchObject({
      removed: { records: {}, snapshots: 0 },
      left: [],
    });
  }, 120_000);
});

onBothCatalogs('forget dead letters that are the least or the greatest', (engines) => {
  it('leaves them in no statistics of the catalog, which write bytes in ways of their own', async () => {
    t = await TestStore.open({}, await engines());
    const { lake } = t.store;
    const letters = (sql: string): Promise<unknown> =>
      lake.transaction({ message: 'records' }, (session) =>
        session.run(`INSERT INTO ${lake.system('dead_letters')} (view_name, payload) SELECT 'scores', ${sql}`),
      );
    const of = (user: string) => `encode('{"user_id":${user},"n":' || range || '}') FROM range(60)`;
    // Many rows become a file, few stay in the catalog: the least of all are those of 1001, the greatest those of 9.
    for (const user of ['1001', '5', '9']) await letters(of(user));
    await letters(`encode('{"user_id":9, broken')`);
    await letters(`encode('{"user_id":7, broken')`);
    const stats = async (): Promise<string> =>
      JSON.stringify(
        await lake.all(
          `SELECT min_value, max_value FROM ${lake.metadata('ducklake_table_column_stats')}
           UNION ALL SELECT min_value, max_value FROM ${lake.metadata('ducklake_file_column_stats')}`,
        ),
      );
    const hex = (text: string): string => Buffer.from(text).toString('hex').toUpperCase();
    const traces = ['1001', '9'].flatMap((user) => [hex(`{"user_id":${user},`), `\\\\x22user_id\\\\x22:${user},`]);
    const found = async (): Promise<string[]> => {
      const text = await stats();
      return traces.filter((trace) => text.includes(trace));
    };
    expect((await found()).length).toBeGreaterThan(1);
    const report = await t.store.forgetting.forget([{ user_id: 1001 }, { user_id: 9 }]);
    expect(report).toMatchObject({ removed: { records: { dead_letters: 121 } }, left: [] });
    expect(await found()).toEqual([]);
    expect(await all('dead_letters', 'count(*)::INTEGER AS n')).toEqual([{ n: 61 }]);
  }, 120_000);
});

describe('forget where a join key is called as a column of the tables of asof', () => {
  it('takes the entity, not the records', async () => {
    t = await TestStore.open({ keys: 'topic: string()' });
    await t.publish('stats', [{ topic: 'orders', at: '2024-01-01', a: 1, b: 'x' }]);
    await insert('stream_claims', { table_name: 'orders', topic: 'orders' });
    expect(await t.store.forgetting.forget([{ topic: 'orders' }])).toMatchObject({
      removed: { tables: { stats: 1 } },
      left: [],
    });
    expect(await all('stream_claims', 'topic')).toEqual([{ topic: 'orders' }]);
  }, 60_000);
});
