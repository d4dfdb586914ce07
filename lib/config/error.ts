/** A configuration that can not be used. The message names the option, where it came from and what would be right. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** `, did you mean "listen"?` where one of `names` is near enough to `name` for a slip of the fingers, else nothing. */
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

/** Levenshtein's: insertions, deletions and replacements from one text to the other. */
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
