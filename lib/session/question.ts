import { randomBytes } from 'node:crypto';
import { element, stanzaOf, type Stanza } from '../xml/index.js';
import type { Packet, Session } from './session.js';

/** Sends a stanza to the session manager in the name of a session. */
export type AskInName = (session: Session, stanza: Stanza) => void;

/** A question to the session manager in the name of a session, whose answer nobody else can make up. */
export class Question {
  private readonly id: string;
  private readonly stanza: Stanza;

  /**
   * @param name begins the id of the question
   * @param namespace of what is asked for
   */
  constructor(
    name: string,
    namespace: string,
    private readonly send: AskInName,
  ) {
    this.id = `${name}-${randomBytes(8).toString('hex')}`;
    const iq = element('iq', { type: 'get', id: this.id }, element('query', { xmlns: namespace }));
    this.stanza = stanzaOf(iq.toString())!;
  }

  ask(session: Session): void {
    this.send(session, this.stanza);
  }

  /** Is a packet the answer, as a result or as an error? Call it only for a session that was asked: it may parse. */
  isAnsweredBy({ text, whole, envelope }: Packet): boolean {
    return (envelope === 'route' ? stanzaOf(text) : whole)?.attribute('id') === this.id;
  }
}
