import { expect } from 'chai';
import { DIALECTS } from '../../../lib/upstream/component/dialects/index.js';
import type { ComponentOutbox } from '../../../lib/upstream/component/outbox.js';
import { ComponentSession, ComponentStaleSessions } from '../../../lib/upstream/component/session.js';
import { Session, type Client } from '../../../lib/session/session.js';
import { stanza } from '../../support/stanza.js';

const nobody = {} as Client;

describe('the half of a session that a component stream leads to', () => {
  let sent: [packet: string, ascii: boolean | undefined][];
  let outbox: ComponentOutbox;
  beforeEach(() => {
    sent = [];
    outbox = {
      dialect: DIALECTS['sto-sfrom'],
      queue: { sent: () => undefined },
      send: (packet: string, ascii?: boolean) => void sent.push([packet, ascii]),
    } as unknown as ComponentOutbox;
  });

  function opened(sessionAddress: string): ComponentSession {
    const session = new Session('12@foo-sockets/1', nobody);
    session.opened(sessionAddress);
    return new ComponentSession(session, outbox);
  }

  it('sends stanzas with the addressing of its session', () => {
    opened('juliet@localhost/x').carry(stanza('<presence/>'));
    expect(sent).to.deep.equal([[`<presence sfrom='12@foo-sockets/1' sto='juliet@localhost/x'/>`, true]]);
  });

  it('notes that a stamp is not ASCII', () => {
    opened('jülia@localhost/x').carry(stanza('<presence/>'));
    expect(sent[0][1]).to.equal(false);
  });

  it('takes session control off what a client says [jabberd 1.6.1.1 jsm]', () => {
    const control = 'http://jabberd.jabberstudio.org/ns/session/1.0';
    opened('juliet@localhost/x').carry(stanza(`<presence xmlns:s='${control}' s:action='end'/>`));
    expect(sent[0][0]).not.to.contain('action');
  });

  it('ends by the addresses of its session', () => {
    opened('juliet@localhost/x').end();
    expect(sent[0][0]).to.equal(DIALECTS['sto-sfrom'].end('juliet@localhost/x', '12@foo-sockets/1'));
  });

  it('knows for each dialect whether giving back ends a session', () => {
    const stale = new ComponentStaleSessions(outbox);
    expect(stale.endedByBounce).to.equal(false);
    outbox.dialect = DIALECTS.route;
    expect(stale.endedByBounce).to.equal(true);
  });
});
