/** Most characters that are kept of what names are to be told; what is more is forgotten. */
const MOST_TOLD = 50_000_000;

/** Packets for names that are not there: what they are to be told, and stanzas of sessions that may go on. */
export class Held {
  private readonly told = new Map<string, string[]>();
  private readonly stanzas = new Map<string, string[]>();
  /** Characters of all stanzas. */
  size = 0;
  private toldSize = 0;

  /** To be said when the name is back, whatever becomes of sessions. */
  tell(name: string, packet: string): void {
    if (this.toldSize + packet.length > MOST_TOLD) return;
    this.toldSize += packet.length;
    listOf(this.told, name).push(packet);
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
    for (const { length } of told) this.toldSize -= length;
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
