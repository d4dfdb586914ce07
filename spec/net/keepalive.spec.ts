import { expect } from 'chai';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import NetKeepAlive from 'net-keepalive';
import { setKeepalive } from '../../lib/net/keepalive.js';
import { Listener } from '../../lib/net/listener.js';
import { RecordedLog } from '../support/log.js';

const OPTIONS = { idle: 77, interval: 11, probes: 5, userTimeout: 33 };

/** What the system has for a socket: seconds, a number, seconds. */
function asked(socket: Socket): { interval: number; probes: number; userTimeout: number } {
  return {
    interval: Number(NetKeepAlive.getKeepAliveInterval(socket)) / 1000,
    probes: Number(NetKeepAlive.getKeepAliveProbes(socket)),
    userTimeout: Number(NetKeepAlive.getUserTimeout(socket)) / 1000,
  };
}

describe('TCP keepalive and TCP_USER_TIMEOUT', () => {
  it('are handed down from the listener to each connection, and set on one that we make ourselves', async () => {
    const log = new RecordedLog();
    let accept!: (socket: Socket) => void;
    const accepted = new Promise<Socket>((resolve) => (accept = resolve));
    const [listener] = Listener.forAll([{ host: '127.0.0.1', port: 0 }], {
      keepalive: OPTIONS,
      log,
      // The options of a socket are asked for by the socket, which a transport keeps to itself.
      onAccepted: (transport) => accept((transport as unknown as { stream: Socket }).stream),
      refusal: () => '',
    });
    const { port } = await listener.listen();
    const ours = connect(port, '127.0.0.1');
    await once(ours, 'connect');
    const theirs = await accepted;
    const expected = { interval: 11, probes: 5, userTimeout: 33 };
    expect(asked(theirs)).to.deep.equal(expected);
    expect(setKeepalive(ours, OPTIONS)).to.equal(undefined);
    expect(asked(ours)).to.deep.equal(expected);
    expect(log.lines).to.deep.equal([]);
    ours.destroy();
    theirs.destroy();
    listener.close();
  });
});
