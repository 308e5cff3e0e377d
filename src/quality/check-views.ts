import { label } from '../definitions/definition.js';
import type { Rule } from '../definitions/expectations.js';
import { viewSchema } from '../definitions/feature-table.js';
import type { AnyFeatureView } from '../definitions/feature-view.js';
import { DefinitionError } from '../errors.js';
import { withScratchDatabase } from '../lake/scratch-database.js';
import type { Schema } from '../types.js';
import { checkCustomSql } from './custom-sql-rule.js';
import { checkPatterns } from './rule-sql.js';

/**
 * Checks what only DuckDB can tell of expectations, without any data: that patterns compile, and that custom SQL is one SELECT over
 * the view's columns. For plan and apply, so that no run has to find it out.
 * @throws DefinitionError naming view and expectation.
 */
export async function checkViews(views: Iterable<AnyFeatureView>): Promise<void> {
  for (const { kind, name, expect, joinKeys, features } of views) {
    const patterns = expect.filter(({ rule }) => rule === 'matches');
    const custom = expect.filter((e): e is Rule<'custom_sql'> => e.rule === 'custom_sql');
    try {
      if (patterns.length > 0) await withScratchDatabase({}, (session) => checkPatterns(session, patterns));
      if (custom.length > 0) await checkCustomSql(custom, viewSchema(joinKeys as Schema, features));
    } catch (error) {
      if (!(error instanceof DefinitionError)) throw error;
      throw new DefinitionError(error.message, {
        where: label(kind === 'feature_view' ? 'featureView' : 'streamFeatureView', name),
        ...(error.mend === undefined ? {} : { mend: error.mend }),
        cause: error,
      });
    }
  }
}
