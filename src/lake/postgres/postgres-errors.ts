import { AsofError, DefinitionError, StoreUnavailableError } from '../../errors.js';
import { firstLine } from '../first-line.js';
import type { PostgresAddress } from './postgres-url.js';

/** What `pg` met while it connected or asked, with the mend. */
export function connectionError(error: unknown, address: PostgresAddress): unknown {
  if (error instanceof AsofError || !(error instanceof Error)) return error;
  const { host, port, database, user, password, shown, sslmode } = address;
  const code = (error as { code?: string }).code ?? '';
  const text = firstLine(error) || code;
  const message = password === undefined ? text : text.replaceAll(password, '***');
  const where = `catalog ${shown}`;
  const fix = (what: string, mend: string): DefinitionError => new DefinitionError(what, { where, mend });
  const later = (what: string, mend: string): StoreUnavailableError => new StoreUnavailableError(what, { where, mend });
  if (code === '28P01') {
    return fix(`Postgres refuses the password of user "${user}"`, 'correct user and password in catalog.url');
  }
  if (code === '28000') {
    return /no encryption/.test(message)
      ? fix(`Postgres wants TLS: ${message}`, 'add ?sslmode=verify-full&sslrootcert=/path/ca.pem to catalog.url')
      : fix(
          `Postgres does not let the user in: ${message}`,
          "correct the user in catalog.url, or the server's pg_hba.conf",
        );
  }
  if (code === '3D000') {
    return fix(
      `the database "${database}" does not exist`,
      `create it, as a user who may: psql -h ${host} -p ${port} -U postgres -c 'CREATE DATABASE "${database}" OWNER "${user}"'`,
    );
  }
  if (code === '42501') return fix(`user "${user}" lacks a permission: ${message}`, grantMend(address));
  if (code === '53300')
    return later('Postgres has no connection left', 'raise max_connections there, or run fewer at once');
  if (code === '55P03')
    return later('others hold its tables all the time', 'make the same request again when fewer are at work');
  if (code === '57P03') return later('Postgres is starting or ending', 'try again in a moment');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return later(
      `the host "${host}" is unknown`,
      'correct the host in catalog.url, or the name server of this machine',
    );
  }
  if (code === 'ECONNREFUSED') {
    return later('nothing listens there', 'start Postgres, or correct host and port in catalog.url');
  }
  if (['ENOENT', 'EACCES', 'EISDIR'].includes(code)) {
    return fix(`a file the URL names can't be read: ${message}`, 'correct sslrootcert, sslcert or sslkey');
  }
  if (/^(SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|CERT_|ERR_TLS_CERT|HOSTNAME_)/.test(code)) {
    return fix(
      `the server's certificate is not trusted: ${message}`,
      code === 'ERR_TLS_CERT_ALTNAME_INVALID'
        ? 'use the name the certificate is for as host in catalog.url, or sslmode=verify-ca'
        : 'name the authority that signed it: ?sslmode=verify-full&sslrootcert=/path/ca.pem',
    );
  }
  if (/^ERR_(OSSL|SSL)/.test(code)) return fix(`TLS fails: ${message}`, 'correct sslrootcert, sslcert and sslkey');
  if (/does not support SSL/.test(message)) {
    return fix(`the server has no TLS, and catalog.url has sslmode=${sslmode}`, 'switch it on there: ssl = on');
  }
  if (/SASL|password must be a string/.test(message)) {
    return fix(
      'Postgres asks for a password, and catalog.url has none',
      'write postgres://user:password@host/database',
    );
  }
  if (/timeout|ETIMEDOUT/i.test(`${code} ${message}`)) {
    return later('Postgres does not answer', 'see that it runs and is not overloaded, and that no firewall is between');
  }
  return later(`Postgres can't be used: ${message}`, 'see that it runs and can be reached from here');
}

export const grantMend = ({ user, schema }: PostgresAddress): string =>
  `as its owner: GRANT USAGE, CREATE ON SCHEMA "${schema}" TO "${user}"; for a lake another user made, also GRANT ALL ON ALL TABLES IN SCHEMA "${schema}" TO "${user}"`;

const lost = new RegExp(
  [
    'Unable to connect to Postgres',
    'connection to server',
    'server closed the connection',
    'terminating connection',
    'the database system is',
    'no connection to the server',
    'SSL (SYSCALL|connection)',
    'could not (receive|send) data',
    'Connection (refused|reset|timed out)',
    'timeout expired',
    'too many clients',
    'remaining connection slots',
    'Connection reset failure',
    'DuckLake: Current transaction is aborted',
    // What DuckDB is left with when the server goes away at COMMIT: it can't roll back either, and libpq has no words for it.
    'Failed to execute query "ROLLBACK": *$',
  ].join('|'),
  'i',
);

/**
 * An error of DuckDB's statement, as far as Postgres is behind it. DuckLake sends a commit as one text of SQL, and errors quote that
 * text: it holds names, and rows of small inserts, which neither belong into messages nor may decide what an error is.
 */
export function statementError(error: unknown, address: PostgresAddress): unknown {
  if (error instanceof AsofError || !(error instanceof Error)) return error;
  const message = withoutStatement(error.message);
  const where = `catalog ${address.shown}`;
  if (lost.test(message)) {
    return new StoreUnavailableError(`the connection to Postgres is lost: ${reasonIn(message)}`, {
      where,
      mend: 'see that Postgres runs and can be reached from here; it is tried again',
    });
  }
  if (/read-only transaction|recovery is in progress/.test(message)) {
    return new StoreUnavailableError('Postgres lets nobody write', {
      where,
      mend: 'the URL leads to a standby, or the server is set read-only: use the primary',
    });
  }
  if (/permission denied/.test(message)) {
    return new DefinitionError(reasonIn(message), { where, mend: grantMend(address) });
  }
  if (/No space left|disk full|could not (extend|write)|out of (shared )?memory/i.test(message)) {
    const mend = 'free space or memory on the host of Postgres, then try again';
    return new StoreUnavailableError(`Postgres can't go on: ${reasonIn(message)}`, { where, mend });
  }
  return message === error.message ? error : new Error(message);
}

/** Cuts the quoted statement out: `Failed to execute query "…": ERROR: …`; of the error, what may quote values. */
function withoutStatement(message: string): string {
  const start = message.search(/Failed to (?:execute|prepare) (?:query|COPY) "/);
  if (start < 0 || message.endsWith('query "ROLLBACK": ')) return message;
  const ends = [...message.matchAll(/": (?=ERROR|FATAL|server closed|SSL |could not |no connection|connection |$)/g)];
  const end = ends.at(-1)?.index ?? message.lastIndexOf('": ');
  if (end < start) return message.slice(0, start);
  return message.slice(0, start) + message.slice(end + 3).replace(/\n(DETAIL|CONTEXT|LINE \d+):.*$/s, '');
}

/** What Postgres or libpq says in it, in one line. */
function reasonIn(message: string): string {
  const found = /(?:ERROR|FATAL): +(.+)|(connection to server[^\n]+|server closed the connection[^\n]*)/.exec(message);
  return found?.[1] ?? found?.[2] ?? 'it went away in the middle of a commit';
}
