import { expect } from 'chai';
import {
  connectionRows,
  sessionRows,
  type ConnectionFacts,
  type SessionFacts,
} from '../../lib/control/sessions.js';

const SINCE = Date.UTC(2026, 10, 21, 7, 31);
const connection: ConnectionFacts = {
  socketAddress: '12@foo-sockets/a',
  ip: '10.9.0.2',
  state: 'authenticated',
  user: 'Juliet@localhost/Bal/cony',
  since: SINCE,
  stanzasIn: 5,
  stanzasOut: 7,
};
const session: SessionFacts = {
  socket: '12@foo-sockets/a',
  fullJid: 'juliet@localhost/Bal/cony',
  priority: -1,
  available: true,
  show: 'away',
  interested: true,
  since: SINCE + 1000,
  received: 3,
  sent: 4,
};
const NAMES = {
  username: 'juliet',
  host: 'localhost',
  resource: 'Bal/cony',
  full_jid: 'juliet@localhost/Bal/cony',
};

describe('control: sessions', () => {
  it('tells of a connection what the socket manager and the session manager know', () => {
    expect([...connectionRows([connection], [session])]).to.deep.equal([
      {
        socket: '12@foo-sockets/a',
        ip: '10.9.0.2',
        state: 'available',
        type: 'c2s',
        priority: -1,
        show: 'away',
        interested: true,
        ...NAMES,
        since: '2026-11-21T07:31:00.000Z',
        stanzas_in: 5,
        stanzas_out: 7,
      },
    ]);
  });

  it('tells what the socket manager alone knows', () => {
    const [row] = connectionRows([connection]);
    expect(row).to.include({ state: 'authenticated', type: 'c2s', username: 'Juliet' });
    expect(row).to.not.have.any.keys('priority', 'show', 'interested');
  });

  it('without presence it is a connected resource', () => {
    const [row] = connectionRows([connection], [{ ...session, available: false, interested: false }]);
    expect(row).to.include({ state: 'connected', interested: false });
  });

  for (const [state, told, notopen] of [
    ['opening', 'opening', true],
    ['unknown', 'unknown', undefined],
    ['closed', 'closing', undefined],
  ] as const) {
    it(`a connection that is ${state} is ${told}, and nobody is logged in`, () => {
      const [row] = connectionRows([{ ...connection, user: '', state }], [session]);
      expect(row).to.include({ state: told, type: 'c2s_unauthed' });
      expect(row.notopen).to.equal(notopen);
      expect(row).to.not.have.any.keys('username', 'full_jid', 'priority');
    });
  }

  it('of a session manager by itself there is no connection to tell of', () => {
    const [row] = sessionRows([session]);
    expect(row).to.include({ state: 'available', type: 'c2s', stanzas_in: 3, stanzas_out: 4, ...NAMES });
    expect(row).to.not.have.property('ip');
  });
});
