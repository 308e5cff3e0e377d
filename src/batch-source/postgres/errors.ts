import { didYouMean } from '../../did-you-mean.js';
import { AsofError, DataError, DefinitionError, StoreUnavailableError } from '../../errors.js';
import { firstLine } from '../../lake/index.js';

/** What an error needs to say where it happened and how to mend it. */
export interface PostgresPlace {
  /** `postgresSource "driver_stats" (localhost:5432/shop)`. */
  readonly where: string;
  readonly user: string;
  /** The table or "the query", for people. */
  readonly relation: string;
  /** The column that holds an array of arrays, once one was met. */
  readonly nested?: string | undefined;
  /** Tables of the database, to guess which was meant. */
  readonly tables?: readonly string[] | undefined;
  /** Never to be seen. */
  readonly password: string | undefined;
}

const nothing = 'nothing was read; it is tried again';

/** Errors of `pg`: a SQLSTATE of Postgres, or a code of Node. */
export function clientError(error: unknown, place: PostgresPlace): unknown {
  if (error instanceof AsofError || !(error instanceof Error)) return error;
  const { where, user, relation } = place;
  const code = (error as { code?: string }).code ?? '';
  const message = withoutSecrets(firstLine(error) || code, place);
  const fix = (what: string, mend: string): DefinitionError => new DefinitionError(what, { where, mend });
  const later = (what: string, mend: string): StoreUnavailableError => new StoreUnavailableError(what, { where, mend });
  switch (code) {
    case '28P01':
      return fix(`Postgres refuses the password of user "${user}"`, 'correct user and password in the URL');
    case '28000':
      if (/no encryption/.test(message)) {
        const mend = 'add ?sslmode=verify-full&sslrootcert=/path/ca.pem to the URL';
        return fix(`Postgres wants TLS: ${message}`, mend);
      }
      return fix(
        `Postgres does not let the user in: ${message}`,
        'correct the user in the URL, or pg_hba.conf of the server',
      );
    case '3D000':
      return fix('there is no such database', 'correct the name at the end of the URL');
    case '42P01':
      return fix(
        message.replace(/^relation (".*") does not exist$/, 'there is no table $1'),
        tableMend(message, place),
      );
    case '42501':
      return fix(
        `user "${user}" may not read ${relation}: ${message}`,
        `GRANT SELECT ON the table (and USAGE ON its schema) TO "${user}", or read the columns it may see by a query`,
      );
    case '25006':
      return fix(`the query writes: ${message}`, 'a source only reads: take out what writes');
    case '53300':
      return later('Postgres has no connection left', `${nothing}; raise max_connections, or run fewer at once`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return later(
        'the host is unknown',
        `${nothing}; correct the host in the URL, or the name server of this machine`,
      );
    case 'ENOENT':
    case 'EACCES':
      return fix(`a file the URL names can't be read: ${message}`, 'correct sslrootcert, sslcert or sslkey');
  }
  if (/^(SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|CERT_|ERR_TLS_CERT|HOSTNAME_)/.test(code))
    return fix(
      `the server's certificate is not trusted: ${message}`,
      code === 'ERR_TLS_CERT_ALTNAME_INVALID'
        ? 'use the name the certificate is for as host in the URL, or sslmode=verify-ca'
        : 'name the authority that signed it: ?sslmode=verify-full&sslrootcert=/path/ca.pem',
    );
  if (/does not support SSL/.test(message))
    return fix(
      'the server has no TLS, which the URL asks for',
      'switch it on there (ssl = on), or take sslmode out of the URL',
    );
  if (/SASL|password must be a string/.test(message))
    return fix('the URL has no password', 'write postgres://user:password@host/database');
  if (/data-modifying/.test(message))
    return fix(`the query writes: ${message}`, 'a source only reads: take out what writes');
  if (code === '57014')
    return later('Postgres ended a look at the source, which took too long', `${nothing}; see what locks or slows it`);
  if (/^(42|0A)/.test(code))
    return fix(`Postgres does not understand ${relation}: ${message}`, 'try the query in psql');
  if (/^(22|23|21)/.test(code))
    return new DataError(`Postgres can't compute ${relation}: ${withoutValues(message)}`, {
      where,
      mend: 'correct the rows or the query',
    });
  return later(
    `the database does not answer: ${message}`,
    `${nothing}; see that Postgres runs and can be reached from here`,
  );
}

function tableMend(message: string, { tables = [] }: PostgresPlace): string {
  const [, wanted = ''] = /"(.+)"/.exec(message) ?? [];
  const listed =
    tables.length === 0
      ? 'the database has no table that this user may see'
      : `there are ${tables.slice(0, 20).join(', ')}`;
  return `${
    didYouMean(wanted, tables) ||
    didYouMean(
      wanted,
      tables.map((table) => table.replace(/^.*\./, '')),
    )
  }${listed}`;
}

/** Postgres' arrays may have any number of dimensions; DuckDB stops at the first that has more than one. */
export const isNested = (error: unknown): boolean =>
  error instanceof Error && /this array has \d+ dimensions/.test(error.message);

/** What libpq says of a connection that broke or was refused. */
const lostConnection =
  /server closed the connection.*|connection to server at .*|could not (receive|send) data.*|SSL SYSCALL.*|SSL connection has been closed.*|no connection to the server/;

/**
 * Errors of DuckDB while it reads from Postgres, whose own errors it quotes as text. What an `ERROR:` says is of the statement and
 * final; all else (`FATAL:`, libpq's own words) is of the connection.
 */
export function readError(error: unknown, place: PostgresPlace, timeoutMs: number): unknown {
  if (error instanceof AsofError || !(error instanceof Error)) return error;
  const { where, user, relation, nested } = place;
  const text = withoutSecrets(error.message, place);
  if (isNested(error)) {
    const column = nested === undefined ? 'a column' : `column "${nested}"`;
    return new DataError(`${column} holds an array of arrays; lists have one dimension`, {
      where,
      mend: `read it by a query that makes text of it: ${nested ?? 'column'}::text, or leaves it out`,
    });
  }
  // The query stands before what Postgres says of it, so the last one is Postgres'.
  const [, severity, message = ''] = [...text.matchAll(/(?:^|: )(ERROR|FATAL|PANIC): {2}(.+)/gm)].at(-1) ?? [];
  if (severity !== 'ERROR') {
    const lost = severity === undefined ? lostConnection.exec(text)?.[0] : message;
    // Other "IO Errors" are Postgres' or libpq's too, in the server's language; all else is no fault of the database.
    const what = lost ?? (/^IO Error: .*/.exec(text)?.[0] ?? '').replace(/^IO Error: /, '');
    if (what === '') return error;
    return new StoreUnavailableError(`the database was lost while it was read: ${what}`, {
      where,
      mend: 'nothing was kept; it is tried again; see that Postgres runs',
    });
  }
  if (/read-only transaction/.test(message))
    return new DefinitionError(`the query writes: ${message}`, {
      where,
      mend: 'a source only reads: take out what writes',
    });
  if (/permission denied/.test(message))
    return new DefinitionError(`user "${user}" may not read ${relation}: ${message}`, {
      where,
      mend: `GRANT SELECT ON it TO "${user}"`,
    });
  if (/statement timeout/.test(message)) {
    const own = timeoutMs > 0 ? `the source's timeout of ${timeoutMs / 1_000} s` : "the server's statement_timeout";
    return new StoreUnavailableError(`Postgres ended the read after ${own}`, {
      where,
      mend: 'give it a longer timeout, or make it quicker: an index on the cursor column, a query of fewer rows',
    });
  }
  if (
    /canceling statement|deadlock|could not serialize|No space left|out of (shared )?memory|lock timeout|snapshot/i.test(
      message,
    )
  )
    return new StoreUnavailableError(`Postgres ended the read: ${message}`, {
      where,
      mend: `nothing was kept; it is tried again`,
    });
  return new DataError(`Postgres can't compute ${relation}: ${withoutValues(message)}`, {
    where,
    mend: 'correct the rows or the query',
  });
}

/** Postgres quotes names, which help, and values, which may be personal data. */
const withoutValues = (message: string): string =>
  message.replace(/(\b(?:relation|table|column|function|type|schema|operator|view|sequence) )?"[^"]*"/g, (all, name) =>
    name === undefined ? '"…"' : all,
  );

/** DuckDB quotes the connection string where it can't connect. */
function withoutSecrets(text: string, { password }: PostgresPlace): string {
  return password === undefined ? text : text.replaceAll(password, '***');
}
