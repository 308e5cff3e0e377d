/** Where the workflows and activities of a project are served. */
export const taskQueue = (project: string): string => `asof-${project}`;
