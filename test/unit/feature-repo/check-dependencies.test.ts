import { describe, expect, it } from 'vitest';
import { after, daily, pipeline } from '../../../src/definitions/index.js';
import { checkDependencies } from '../../../src/feature-repo/check-dependencies.js';

const checked = (upstream: Record<string, string[]>): void =>
  checkDependencies(
    new Map(
      Object.entries(upstream).map(([name, names]) => [
        name,
        pipeline({ name, workflow: 'w', schedule: names.length === 0 ? daily() : after(...names) }),
      ]),
    ),
  );

describe('pipelines that run after others', () => {
  it('may form any net without circles', () => {
    expect(() => checked({ a: [], b: ['a'], c: ['a', 'b'], d: ['c', 'a'] })).not.toThrow();
  });

  it('name pipelines there are', () => {
    expect(() => checked({ load: [], b: ['laod'] })).toThrow(/pipeline "b": it runs after pipeline "laod"/);
    expect(() => checked({ b: ['b2'] })).toThrow(/no file exports/);
  });

  it('never wait for themselves', () => {
    expect(() => checked({ a: ['a'] })).toThrow(/wait for each other: a after a$/);
    expect(() => checked({ z: [], c: ['b', 'z'], a: ['c'], b: ['a'] })).toThrow(/c after b after a after c$/);
  });
});
