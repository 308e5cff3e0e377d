import { DefinitionError } from '../errors.js';
import { checkName } from './definition.js';
import type { ExpectationOptions } from './expectation.js';
import { checkOptions, expectation, rowOptions } from './expectation-options.js';

/**
 * A SELECT that returns the bad rows, e.g. `customSql('rates', 'SELECT * FROM rows WHERE conv_rate > acc_rate')`. `rows` is what
 * the run is to publish: the view's columns, and `_row`, the number of the row. It sees nothing else and can do nothing else; it is
 * looked at when definitions are applied. To set its rows aside (`severity: 'quarantine'`) it must return `_row`.
 */
export function customSql(name: string, sql: string, options: ExpectationOptions = {}) {
  checkName('customSql', name);
  if (typeof sql !== 'string' || sql.trim() === '') {
    throw new DefinitionError('the SQL is empty', {
      where: `expectation customSql(${name})`,
      mend: `write customSql('${name}', 'SELECT * FROM rows WHERE …')`,
    });
  }
  checkOptions(`customSql(${name})`, options, rowOptions);
  return expectation({ rule: 'custom_sql', name, sql, ...options });
}
