/** Most packets that are kept for one name; without its sm coming back they are of no use anyway. */
const MOST_TOLD = 100_000;

/** Packets for names that are not there: what they are to be told, and stanzas of sessions that may go on. */
export class Held {
  private readonly told = new Map<string, string[]>();
  private readonly stanzas = new Map<string, string[]>();
  /** Characters of all stanzas. */
  size = 0;

  /** To be said when the name is back, whatever becomes of sessions. */
  tell(name: string, packet: string): void {
    const told = listOf(this.told, name);
    if (told.length < MOST_TOLD) told.push(packet);
  }

  /** To go on when the name is back with its sessions. */
  stanza(name: string, packet: string): void {
    listOf(this.stanzas, name).push(packet);
    this.size += packet.length;
  }

  /** The sessions there are over. */
  dropStanzas(name: string): void {
    this.takeStanzas(name);
  }

  /** All that waits for a name, in the order in which it may be sent. */
  take(name: string): string[] {
    const told = this.told.get(name) ?? [];
    this.told.delete(name);
    return [...this.takeStanzas(name), ...told];
  }

  private takeStanzas(name: string): string[] {
    const stanzas = this.stanzas.get(name) ?? [];
    this.stanzas.delete(name);
    for (const { length } of stanzas) this.size -= length;
    return stanzas;
  }
}

function listOf(lists: Map<string, string[]>, name: string): string[] {
  let list = lists.get(name);
  if (!list) lists.set(name, (list = []));
  return list;
}
