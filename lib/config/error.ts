/** A configuration that cannot be used. The message names the option, where it was given, and what would be valid. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** `; did you mean "listen"?` where one of `names` is similar enough to `name` to be a typing error, else nothing. */
export function didYouMean(
  name: string,
  names: readonly string[],
  print = (found: string): string => found,
): string {
  const near = names
    .map((known) => ({ known, distance: distance(name, known) }))
    .filter((one) => one.distance <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0];
  return near ? `; did you mean ${print(near.known)}?` : '';
}

/** The Levenshtein distance: insertions, deletions and replacements that make one text of the other. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, char] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      next.push(Math.min(row[j + 1] + 1, next[j] + 1, row[j] + (char === to[j] ? 0 : 1)));
    }
    row = next;
  }
  return row[to.length];
}
