import type { OwnHeader } from '../../xmpp/framing/framing.js';
import { streamDigest } from '../../xmpp/stream-digest.js';
import { element, type Element, type Stanza, type Tag } from '../../xml/index.js';
import type { HandshakeLink, Handshake } from '../handshake.js';
import { COMPONENT_ACCEPT } from '../../xmpp/namespaces.js';

export interface ComponentOptions {
  /** Our component name. */
  readonly name: string;
  readonly secret: string;
}

/** The handshake of a component with jabberd 1.x: a digest of the stream id and the secret. [XEP-0114] */
export class ComponentHandshake implements Handshake {
  readonly peer = 'the session manager';
  /** Has the digest been sent? */
  private handshaking = false;

  constructor(private readonly options: ComponentOptions) {}

  header(): OwnHeader {
    return { xmlns: COMPONENT_ACCEPT, to: this.options.name };
  }

  opened(header: Tag, link: HandshakeLink): void {
    const id = header.attribute('id');
    if (id === undefined) return link.fail(notAComponentPort(header));
    this.handshaking = true;
    link.expect('no answer to our handshake');
    link.send(element('handshake', {}, streamDigest(id, this.options.secret)).toString());
  }

  received(packet: Stanza, link: HandshakeLink): void {
    if (packet.name === 'handshake') link.up();
    else link.fail(`<${packet.name}> in answer to our handshake`);
  }

  closedEarly(): string {
    if (this.handshaking) return 'closed by peer during the handshake (wrong secret?)';
    return 'closed by peer before its stream header (rate limit, or not a component port?)';
  }

  /** Ports for clients refuse our header: for its namespace, or because they serve no domain of our name. */
  explain(error: Element): string | undefined {
    const said = error.toString();
    if (this.handshaking && /handshake|not-authorized/i.test(said)) return 'the secret is wrong';
    return /namespace|host/i.test(said) ? 'is this the port for components?' : undefined;
  }
}

function notAComponentPort(header: Tag): string {
  const namespace = header.attribute('xmlns') ?? 'none';
  return `no stream id in its header (namespace ${namespace}): is this the port for components?`;
}
