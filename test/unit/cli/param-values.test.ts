import { describe, expect, it } from 'vitest';
import { paramValues } from '../../../src/cli/param-values.js';
import { builtinArgs, checkArgs, z } from '../../../src/index.js';

const argsSchema = z.object({
  text: z.string().optional(),
  count: z.int().min(1).max(100).optional(),
  ratio: z.number().optional(),
  flag: z.boolean().optional(),
  names: z.array(z.string()).min(1).optional(),
  numbers: z.array(z.number()).optional(),
  mode: z.enum(['fast', 'safe']).optional(),
  level: z.literal([1, 2]).optional(),
  day: z.iso.date().optional(),
  nested: z.object({ a: z.number() }).optional(),
  either: z.union([z.boolean(), z.array(z.string())]).optional(),
  nothing: z.string().min(9).nullable().optional(),
});
const pipeline = { name: 'p', workflow: 'w', args: {}, argsSchema };

describe('--param', () => {
  it.each([
    ['text=12', { text: '12' }],
    ['text=', { text: '' }],
    ['text=a=b, c', { text: 'a=b, c' }],
    ['count=12', { count: 12 }],
    ['ratio=-1.5e3', { ratio: -1500 }],
    ['flag=true', { flag: true }],
    ['names=a', { names: ['a'] }],
    ['names=a, b', { names: ['a', 'b'] }],
    ['names=["a,b"]', { names: ['a,b'] }],
    ['names=1,2', { names: ['1', '2'] }],
    ['numbers=1,2', { numbers: [1, 2] }],
    ['numbers=7', { numbers: [7] }],
    ['mode=safe', { mode: 'safe' }],
    ['level=2', { level: 2 }],
    ['day=2024-02-29', { day: '2024-02-29' }],
    ['nested={"a": 1}', { nested: { a: 1 } }],
    ['either=false', { either: false }],
    ['either=x,y', { either: ['x', 'y'] }],
    ['nothing=null', { nothing: null }],
  ])('%s is what the schema takes there', (param, expected) => {
    const values = paramValues([param], pipeline);
    expect(values).toEqual(expected);
    expect(checkArgs(pipeline, values)).toEqual(expected);
  });

  it('given again adds to a list, and to nothing else', () => {
    expect(paramValues(['names=a', 'flag=true', 'names=b,c'], pipeline)).toEqual({
      names: ['a', 'b', 'c'],
      flag: true,
    });
    expect(paramValues(['numbers=1', 'numbers=2'], pipeline)).toEqual({ numbers: [1, 2] });
    expect(() => paramValues(['count=1', 'count=2'], pipeline)).toThrow(/--param count is given 2 times/);
  });

  it.each([
    ['count=many', /"count" does not fit: .*expected int.*received string|"count" does not fit: .*expected number/],
    ['count=0', /"count" must be (1 or more|from 1 to \d+), is 0/],
    ['count=1.5', /"count" does not fit: .*expected int/],
    ['numbers=1,x', /"numbers\[1\]" does not fit/],
    ['mode=slow', /"mode" does not fit: .*"fast"\|"safe"/],
    ['flag=yes', /"flag" does not fit: .*expected boolean/],
    ['nested={"a": "b"}', /"nested\.a" does not fit/],
    ['ratio=1e999', /"ratio" does not fit/],
  ])('%s is refused with what is wrong', (param, reason) => {
    expect(() => checkArgs(pipeline, paramValues([param], pipeline))).toThrow(reason);
  });

  it.each(['views', '=a', ' =a', ''])('%j has no name and value', (param) => {
    expect(() => paramValues([param], pipeline)).toThrow(/has no name and value/);
  });

  it('of an unknown name is refused by name, with what there is', () => {
    const builtin = { ...pipeline, args: { views: ['a'] }, argsSchema: builtinArgs.dbToOfflineStore };
    expect(() => checkArgs(builtin, paramValues(['vews=b'], builtin))).toThrow(/argument "vews" is unknown/);
    expect(paramValues(['views=b,c', 'full=true'], builtin)).toEqual({ views: ['b', 'c'], full: true });
  });

  it('without a schema is JSON where it is JSON, else text', () => {
    const free = { argsSchema: undefined };
    expect(paramValues(['a=1', 'b=x,y', 'c=[1]', 'd=true', 'd=z', '__proto__=1'], free)).toEqual(
      Object.fromEntries([
        ['a', 1],
        ['b', 'x,y'],
        ['c', [1]],
        ['d', [true, 'z']],
        ['__proto__', 1],
      ]),
    );
  });
});
