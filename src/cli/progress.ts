/** One line of a running task, e.g. `12,000 of 100,000 rows, 3 s left`. */
export type Update = (line: string) => void;

export interface Task<T> {
  readonly title: string;
  run(update: Update): Promise<T>;
}

/** Progress belongs to people: none with --json, and none when nobody looks. */
const visible = (json: boolean): boolean => !json && process.stderr.isTTY === true;

/** Runs tasks one after the other, showing them on stderr. @returns their results. */
export async function runTasks<T>(tasks: readonly Task<T>[], { json }: { json: boolean }): Promise<T[]> {
  const results: T[] = [];
  if (!visible(json)) {
    for (const { run } of tasks) results.push(await run(() => undefined));
    return results;
  }
  const { Listr, ListrLogger, PRESET_TIMER, ProcessOutput } = await import('listr2');
  const logger = new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) });
  const listr = new Listr(
    tasks.map(({ title, run }) => ({
      title,
      task: async (_: unknown, task: { output: string }) => {
        results.push(
          await run((line) => {
            task.output = line;
          }),
        );
      },
    })),
    {
      renderer: 'default',
      rendererOptions: {
        logger,
        collapseErrors: false,
        showErrorMessage: false,
        timer: { ...PRESET_TIMER, condition: (ms: number) => ms > 100 },
      },
      // Its own handler ends the process at once, before a command could end what it began.
      registerSignalListeners: false,
    },
  );
  await listr.run();
  return results;
}

export const runTask = async <T>(title: string, options: { json: boolean }, run: Task<T>['run']): Promise<T> => {
  const [result] = await runTasks([{ title, run }], options);
  return result as T;
};

/** Tells rows done, of how many, how fast, and how long is left. */
export function rate(startedAt: number): (done: number, of: number | undefined, unit?: string) => string {
  return (done, of, unit = 'rows') => {
    const elapsed = Math.max(1, Date.now() - startedAt);
    const perSecond = (done * 1_000) / elapsed;
    const amount = `${done.toLocaleString('en')}${of === undefined ? '' : ` of ${of.toLocaleString('en')}`} ${unit}`;
    if (perSecond === 0) return amount;
    const speed = `${Math.round(perSecond).toLocaleString('en')}/s`;
    return of === undefined
      ? `${amount}, ${speed}`
      : `${amount}, ${speed}, ${Math.ceil((of - done) / perSecond)} s left`;
  };
}
