/** Most characters that are kept of what names are to be told; what is more is forgotten. */
const MAX_TOLD_BYTES = 50_000_000;

/** A stanza of a session, as it will be sent. */
export interface ParkedStanza {
  readonly c2s: string;
  readonly payload: string;
}

/** Packets for names that are not there: what they are to be told, and stanzas of sessions that may go on. */
export class Parked {
  private readonly told = new Map<string, string[]>();
  private readonly stanzas = new Map<string, ParkedStanza[]>();
  /** Characters of all stanzas. */
  size = 0;
  private toldSize = 0;

  /** To be said when the name is back, whatever becomes of sessions. */
  tell(name: string, packet: string): void {
    if (this.toldSize + packet.length > MAX_TOLD_BYTES) return;
    this.toldSize += packet.length;
    listOf(this.told, name).push(packet);
  }

  /** To go on when the name is back with its sessions. */
  stanza(name: string, stanza: ParkedStanza): void {
    listOf(this.stanzas, name).push(stanza);
    this.size += stanza.payload.length;
  }

  /** All that waits for a name, in the order in which it may be sent. */
  take(name: string): string[] {
    const told = this.told.get(name) ?? [];
    this.told.delete(name);
    for (const { length } of told) this.toldSize -= length;
    return [...this.takeStanzas(name).map(({ payload }) => payload), ...told];
  }

  /** The stanzas that wait for a name whose sessions are over. */
  takeStanzas(name: string): ParkedStanza[] {
    const stanzas = this.stanzas.get(name) ?? [];
    this.stanzas.delete(name);
    for (const { payload } of stanzas) this.size -= payload.length;
    return stanzas;
  }
}

function listOf<Item>(lists: Map<string, Item[]>, name: string): Item[] {
  let list = lists.get(name);
  if (!list) lists.set(name, (list = []));
  return list;
}
