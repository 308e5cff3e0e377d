import { AsofError, DefinitionError, StoreUnavailableError } from '../errors.js';

/** What a Redis server or its driver said, by its beginning or its code; then what it is called, and what to do. */
interface Known {
  readonly said: RegExp;
  readonly what: (said: string) => string;
  readonly mend: string;
  /** Nothing but another configuration helps: not tried again. */
  readonly final?: boolean;
}

const known: readonly Known[] = [
  {
    said: /WRONGPASS|invalid username-password|AUTH failed/i,
    what: () => 'the user name or the password is wrong',
    mend: 'correct the password (and the user name) of onlineStore in the environment; the server knows its users by ACL LIST',
    final: true,
  },
  {
    said: /NOAUTH|called without any password/i,
    what: () => 'the server asks for a password, and none is given',
    mend: "give onlineStore a password: env('ASOF_REDIS_PASSWORD') (the sentinels' own one is sentinel.password), or put it into the URL",
    final: true,
  },
  {
    said: /NOPERM|No permissions to access|can't access at least one of the keys/i,
    what: (said) => `the user may not do what is needed (${said})`,
    mend: 'ACL SETUSER <user> ~asof:<project>:* +@connection +info +scan +mget +getrange +set +hget +hset +unlink +eval +evalsha +time (and +cluster in a Cluster)',
    final: true,
  },
  {
    said: /SELF_SIGNED|self.signed|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|unable to (verify|get)|CERT_UNTRUSTED/i,
    what: (said) => `the server's certificate is not trusted (${said})`,
    mend: 'set onlineStore.tls.ca to the file with the certificate of the authority that signed it',
    final: true,
  },
  {
    said: /CERT_HAS_EXPIRED|certificate has expired/i,
    what: () => "the server's certificate has expired",
    mend: 'renew the certificate of the server',
    final: true,
  },
  {
    said: /ALTNAME_INVALID|altnames/i,
    what: () => "the server's certificate is of another host",
    mend: 'connect by the name in the certificate, or set onlineStore.tls.serverName to it',
    final: true,
  },
  {
    said: /certificate required|peer did not return a certificate|bad certificate|handshake failure|unknown ca|certificate unknown/i,
    what: (said) => `the server refused our certificate (${said})`,
    mend: 'set onlineStore.tls.cert and onlineStore.tls.key to a certificate the server trusts',
    final: true,
  },
  {
    said: /EPROTO|wrong version number|packet length too long|before secure TLS/i,
    what: () => 'TLS is on, and the port does not speak it',
    mend: 'write redis:// (or leave tls out), or take the port that speaks TLS',
    final: true,
  },
  {
    said: /DB index is out of range|invalid DB index|SELECT is not allowed/i,
    what: () => 'the server has no database of that number',
    mend: 'take a smaller number at the end of the URL (redis://host:6379/0), or raise `databases` on the server',
    final: true,
  },
  {
    said: /cluster support disabled/i,
    what: () => 'the server is no node of a Cluster',
    mend: "name it by onlineStore.url: env('ASOF_REDIS_URL') instead of cluster",
    final: true,
  },
  {
    said: /WRONGTYPE/,
    what: () => "a key of this project holds something that asof didn't put there",
    mend: 'find out who writes keys that begin with asof:, remove them, and run `asof materialize --full`',
    final: true,
  },
  {
    said: /READONLY|replica is read.only/i,
    what: () => 'the server is a read-only replica',
    mend: 'connect to the master; by onlineStore.sentinel or onlineStore.cluster it is found also after a failover',
  },
  {
    said: /OOM command not allowed/i,
    what: () => 'the server is out of memory; what it refused was not written',
    mend: 'raise maxmemory on the server or remove what else lies there; what is missing is written when the step is tried again',
  },
  {
    said: /^DENIED/,
    what: () => 'the server is in protected mode and serves its own machine only',
    mend: 'give it a password or an ACL, and the addresses it may be reached by (bind)',
    final: true,
  },
  {
    said: /max number of clients/i,
    what: () => 'the server has as many connections as it may have',
    mend: 'raise maxclients on the server, or find who holds so many: redis-cli CLIENT LIST',
  },
  {
    said: /LOADING/,
    what: () => 'the server is still loading its data',
    mend: 'wait until it has; it is tried again',
  },
  {
    said: /BUSY/,
    what: () => 'a script of somebody keeps the server busy',
    mend: 'wait, or end it: redis-cli SCRIPT KILL',
  },
  {
    said: /MISCONF/,
    what: () => "the server can't save its data to disk and takes no writes",
    mend: "see the server's log; make room on its disk",
  },
  {
    said: /NOREPLICAS/,
    what: () => 'the server takes no writes without enough replicas (min-replicas-to-write)',
    mend: 'start its replicas',
  },
  {
    said: /CLUSTERDOWN|cluster state not ok|Cluster isn't ready/i,
    what: () => 'the Cluster is down: some of its slots have no master',
    mend: 'redis-cli --cluster check host:port tells which; start or replace the node',
  },
  {
    said: /ENOTFOUND|EAI_AGAIN/,
    what: (said) => `the host is unknown (${said})`,
    mend: "check the host's name in the settings of onlineStore, and that this machine can resolve it",
  },
  {
    said: /sentinels? (are|is) unreachable/i,
    what: (said) => `no sentinel told where the master is (${said})`,
    mend: "check onlineStore.sentinel: the sentinels' addresses, their password, and the name of the group",
  },
  {
    said: /max retries per request|Stream isn't writeable|Socket timeout|Connection is closed|aborted due to connection close/,
    what: () => 'the connection broke off',
    mend: 'see that the server runs, and its log; the connection is made again by itself',
  },
  {
    said: /^timeout$|startup nodes|Failed to refresh slots|ECONNREFUSED|ECONNRESET|EPIPE|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/,
    what: (said) => `it can't be reached (${said})`,
    mend: 'start it, and check address, port and firewall; the connection is made again by itself',
  },
];

/** One line of what was said: an error of the driver, its innermost reason and code. Never its command, which may hold a password. */
export function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { lastNodeError } = error as { lastNodeError?: Error };
  if (lastNodeError instanceof Error) return saidBy(lastNodeError);
  const { code } = error as { code?: unknown };
  const { errors } = error as { errors?: readonly unknown[] };
  if (error.message === '' && errors?.[0] !== undefined) return saidBy(errors[0]);
  const text = (error.message || error.name).split(/\r?\n/)[0] ?? '';
  const ofTls = /SSL routines:[^:]*:([^:]+)/.exec(text)?.[1];
  if (ofTls !== undefined) return ofTls;
  return typeof code === 'string' && !text.includes(code) ? `${code}: ${text}` : text;
}

/** An error of the driver or the server as one of ours. The original is not kept: it names the command with its arguments. */
export function redisFailure(error: unknown, where: string): AsofError {
  if (error instanceof AsofError) return error;
  const said = saidBy(error);
  const found = known.find((each) => each.said.test(said));
  if (found === undefined) {
    return new StoreUnavailableError(`Redis failed: ${said}`, {
      where,
      mend: "see the server's log; it is tried again",
    });
  }
  const details = { where, mend: found.mend };
  return found.final === true
    ? new DefinitionError(found.what(said), details)
    : new StoreUnavailableError(found.what(said), details);
}
