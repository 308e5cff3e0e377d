/** Everything the tests need that `npm ci` does not bring: found or fetched once, before the first test. */
export async function setup(): Promise<void> {}
