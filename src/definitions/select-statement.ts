import { DefinitionError } from '../errors.js';

/** Strings, quoted names, dollar-quoted text and comments of Postgres' SQL: what a semicolon or a bracket may stand in. */
const quoted = /'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$(?:[A-Za-z_]\w*)?\$)[\s\S]*?\1|--[^\n]*|\/\*[\s\S]*?\*\//g;

/**
 * Whether a query can stand where a table can. Postgres has the last word about it; what is checked here would otherwise only be
 * found out when the pipeline runs, or would make another statement of it.
 * @throws DefinitionError when it is not one SELECT.
 */
export function checkSelect(where: string, field: string, query: unknown): void {
  const text = typeof query === 'string' ? query.replace(quoted, ' ').trim() : '';
  const wrong = (what: string, mend: string): DefinitionError =>
    new DefinitionError(`${field} ${what}`, { where, mend });
  if (text === '') throw wrong('is empty', `write ${field}: 'SELECT … FROM …'`);
  if (text.includes(';'))
    throw wrong('has a semicolon', 'give one statement, without a semicolon at its end or anywhere');
  if (!/^(SELECT|WITH)\b/i.test(text))
    throw wrong(
      `starts with ${JSON.stringify(text.slice(0, 20))}`,
      'give one statement that starts with SELECT or WITH',
    );
  let depth = 0;
  for (const [bracket] of text.matchAll(/[()]/g)) {
    depth += bracket === '(' ? 1 : -1;
    if (depth < 0) break;
  }
  if (depth !== 0) throw wrong('has brackets that do not match', 'close every bracket that it opens');
}
