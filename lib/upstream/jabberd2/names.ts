/** Most names that are remembered of those that were once there. */
const MAX_NAMES = 10_000;

/** The names that are on a router now, and those that once were. */
export class ComponentNames implements Iterable<string> {
  private readonly here = new Set<string>();
  private readonly seen = new Set<string>();

  /** @returns whether it was not there before */
  add(name: string): boolean {
    if (this.here.has(name)) return false;
    this.here.add(name);
    if (this.seen.size < MAX_NAMES) this.seen.add(name);
    return true;
  }

  /** @returns whether it was there */
  delete(name: string): boolean {
    return this.here.delete(name);
  }

  /** Without a router nothing is known to be there. */
  clear(): void {
    this.here.clear();
  }

  has(name: string): boolean {
    return this.here.has(name);
  }

  wasThere(name: string): boolean {
    return this.seen.has(name);
  }

  [Symbol.iterator](): Iterator<string> {
    return this.here[Symbol.iterator]();
  }
}

/** Why there is nothing to be had at a name, for clients and for the log. */
export function away(name: string): string {
  return `${name} is not connected to the router`;
}
