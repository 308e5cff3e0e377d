import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** One running process: its id and its program with arguments. */
export interface RunningProcess {
  readonly pid: number;
  readonly args: readonly string[];
}

/**
 * A process that was started with `option value`. Looking at the arguments, not only at the id, makes sure that it is the one
 * meant: ids are given anew, and a process that ended may stay in the table until its parent asks for it.
 */
export async function processWith(option: string, value: string, pid?: number): Promise<RunningProcess | undefined> {
  const list = existsSync('/proc/self/cmdline') ? await linuxProcesses(pid) : await psProcesses(pid);
  return list.find((each) => optionOf(each, option) === value);
}

/** The running process of this id. */
export async function processOf(pid: number): Promise<RunningProcess | undefined> {
  const list = existsSync('/proc/self/cmdline') ? await linuxProcesses(pid) : await psProcesses(pid);
  return list[0];
}

/** What follows an option among the arguments. */
export function optionOf({ args }: RunningProcess, option: string): string | undefined {
  const index = args.indexOf(option);
  return index < 0 ? undefined : args[index + 1];
}

async function linuxProcesses(pid?: number): Promise<RunningProcess[]> {
  const ids = pid === undefined ? (await readdir('/proc')).filter((name) => /^\d+$/.test(name)) : [String(pid)];
  const list = await Promise.all(
    ids.map(async (id) => {
      // Empty for one that ended already, unreadable for one that just went.
      const line = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '');
      return { pid: Number(id), args: line.split('\0').filter((arg) => arg !== '') };
    }),
  );
  return list.filter((each) => each.args.length > 0);
}

/** Where there is no /proc, `ps` shows arguments joined by spaces; so an argument with spaces is looked for as a whole. */
async function psProcesses(pid?: number): Promise<RunningProcess[]> {
  const which = pid === undefined ? ['-A'] : ['-p', String(pid)];
  const args = ['-ww', ...which, '-o', 'pid=,args='];
  const output = await promisify(execFile)('ps', args, { maxBuffer: 64 * 1024 * 1024 }).then(
    ({ stdout }) => stdout,
    () => '',
  );
  return output.split('\n').flatMap((line) => {
    const [, id, command] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? [];
    return id === undefined || command === undefined ? [] : [{ pid: Number(id), args: splitOptions(command) }];
  });
}

/** `temporal server start-dev --db-filename /a b/c --port 1` → values stay whole up to the next ` --`. */
function splitOptions(command: string): string[] {
  return command.split(/ (?=--)/).flatMap((part) => {
    const space = part.startsWith('--') ? part.indexOf(' ') : -1;
    return space < 0 ? [part] : [part.slice(0, space), part.slice(space + 1)];
  });
}
