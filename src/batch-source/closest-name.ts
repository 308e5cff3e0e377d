/** Levenshtein distance, enough for names of columns and files. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** The name that was probably meant, ignoring case; `undefined` when none is near. */
export function closestName(wanted: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((name) => ({ name, away: distance(wanted.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.away - b.away);
  const best = ranked[0];
  return best !== undefined && best.away <= Math.max(2, Math.floor(wanted.length / 3)) ? best.name : undefined;
}

/** `did you mean "x"? ` or nothing: the start of a mend. */
export function didYouMean(wanted: string, names: readonly string[]): string {
  const name = closestName(wanted, names);
  return name === undefined ? '' : `did you mean "${name}"? `;
}
