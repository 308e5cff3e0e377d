import path from 'node:path';

/** A file as people are shown it: from the project's root where it lies below, else whole. */
export function shownPath(projectRoot: string, file: string): string {
  const relative = path.relative(projectRoot, file);
  return relative.startsWith('..') || path.isAbsolute(relative) ? file : relative;
}
