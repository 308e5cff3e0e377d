import { describe, expect, it } from 'vitest';
import {
  AsofError,
  DataError,
  DefinitionError,
  describeError,
  FencedError,
  finalErrorNames,
  StoreUnavailableError,
} from '../../../src/errors.js';

describe('error classes', () => {
  // Temporal matches failures by these names: renaming one would retry what is final, in workflows that are already running.
  it.each([
    [DefinitionError, 'DefinitionError'],
    [DataError, 'DataError'],
    [FencedError, 'FencedError'],
    [StoreUnavailableError, 'StoreUnavailableError'],
  ])('%o keeps its name, also when minified or subclassed', (Class, name) => {
    const error = new Class('it broke', { where: 'view "v"', mend: 'mend it' });
    expect(error.name).toBe(name);
    expect(error).toBeInstanceOf(AsofError);
    expect(error).toMatchObject({ message: 'view "v": it broke', where: 'view "v"', mend: 'mend it' });
  });

  it('are final except for stores that do not answer', () => {
    expect([...finalErrorNames]).toEqual(['DefinitionError', 'DataError', 'FencedError']);
  });

  it('keep the cause, and only if there is one', () => {
    const cause = new Error('socket closed');
    expect(new StoreUnavailableError('no answer', { cause }).cause).toBe(cause);
    expect('cause' in new StoreUnavailableError('no answer')).toBe(false);
  });
});

describe('describeError', () => {
  it('shows the mend below the message', () => {
    expect(describeError(new DataError('is empty', { where: 'a.csv', mend: 'add rows' }))).toBe(
      'a.csv: is empty\n  → add rows',
    );
    expect(describeError(new DataError('is empty'))).toBe('is empty');
  });

  it('shows other errors by their message, without a stack', () => {
    expect(describeError(new Error('plain'))).toBe('plain');
    expect(describeError('text')).toBe('text');
  });
});
