import { DefinitionError } from '../errors.js';
import type { Schema } from '../types.js';
import { label } from './definition.js';
import type { AnyFeatureView, Selectable } from './feature-view.js';

/** What a view or a part of a view stands for: output name → the view's own feature. */
export interface ResolvedSelection {
  readonly view: AnyFeatureView;
  readonly columns: Readonly<Record<string, string>>;
}

const selectionKey = Symbol.for('asof.selection');

interface Parts {
  readonly name: string;
  readonly joinKeys: unknown;
  readonly features: Schema;
}

/** Gives a view `pick` and `prefixed`. They are not enumerable, so that it still prints and compares as plain data. */
export function selectable<V extends Parts>(view: V): V {
  const all = Object.fromEntries(Object.keys(view.features).map((feature) => [feature, feature]));
  return attach(view, { view: view as unknown as AnyFeatureView, columns: all });
}

function attach<T extends Parts>(target: T, selection: ResolvedSelection): T {
  const { view, columns } = selection;
  const part = (next: Record<string, string>): Parts => {
    const features = Object.fromEntries(
      Object.entries(next).map(([name, feature]) => [name, view.features[feature] as Schema[string]]),
    );
    return Object.freeze(
      attach(
        { name: target.name, joinKeys: target.joinKeys, features: Object.freeze(features) },
        { view, columns: next },
      ),
    );
  };
  const pick = (...names: string[]): Parts => {
    const unknown = names.find((name) => columns[name] === undefined);
    if (unknown !== undefined) {
      throw new DefinitionError(`there is no feature "${unknown}" to pick`, {
        where: label('view', target.name),
        mend: `it has ${Object.keys(columns).join(', ')}`,
      });
    }
    return part(Object.fromEntries(names.map((name) => [name, columns[name] as string])));
  };
  const prefixed = (prefix: string): Parts => {
    if (typeof prefix !== 'string' || !/^[A-Za-z][A-Za-z0-9_]*$/.test(prefix)) {
      throw new DefinitionError(`prefix ${JSON.stringify(prefix)} does not make usable names`, {
        where: label('view', target.name),
        mend: "use letters, digits and underscores, e.g. .prefixed('fresh_')",
      });
    }
    return part(Object.fromEntries(Object.entries(columns).map(([name, feature]) => [`${prefix}${name}`, feature])));
  };
  return Object.defineProperties(target, {
    [selectionKey]: { value: selection },
    pick: { value: pick },
    prefixed: { value: prefixed },
  });
}

/** @throws DefinitionError when the value is neither a view nor made by `pick` / `prefixed`. */
export function resolveSelection(value: Selectable): ResolvedSelection {
  const selection = (value as { [selectionKey]?: ResolvedSelection } | undefined)?.[selectionKey];
  if (selection !== undefined) return selection;
  throw new DefinitionError(`${JSON.stringify(value)} is not a feature view`, {
    mend: 'list views, or parts of them made by .pick() and .prefixed()',
  });
}
