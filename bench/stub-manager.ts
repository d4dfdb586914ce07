/**
 * A session manager that does as little as possible, so that only the socket manager in front of it is measured. It
 * speaks sto/sfrom, and understands only the clients of this load generator: `node dist/bench/stub-manager.js PORT`.
 */
import { createServer, type Socket } from 'node:net';

/** A packet that a socket manager sends to itself. */
const PROBE = "<iq type='result'";
const ENDS: Record<string, string> = { m: '</message>', i: '</iq>', p: '/>', h: '</handshake>' };

/** Socket addresses by session address. */
const sessions = new Map<string, string>();

class Link {
  private input = '';
  private output = '';

  constructor(private readonly socket: Socket) {
    socket.setNoDelay();
    socket.on('data', (chunk: Buffer) => this.read(chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => sessions.clear());
  }

  private read(text: string): void {
    const input = this.input + text;
    let at = this.input === '' && text.startsWith('<?xml') ? this.header(input) : 0;
    for (;;) {
      // What a socket manager sends to acknowledge.
      while (input[at] === ' ') at += 1;
      const end = packetEnd(input, at);
      if (end < 0) break;
      this.packet(input.slice(at, end));
      at = end;
    }
    this.input = input.slice(at);
    if (this.output !== '') this.socket.write(this.output, 'latin1');
    this.output = '';
  }

  private header(input: string): number {
    this.output += `<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' id='1'>`;
    return input.indexOf('>', input.indexOf('<stream:stream')) + 1;
  }

  private packet(packet: string): void {
    if (packet.startsWith('<message')) this.message(packet);
    else if (packet.startsWith(PROBE)) this.output += packet;
    else if (packet.startsWith('<iq')) this.login(packet);
    else if (packet.startsWith('<handshake')) this.output += '<handshake/>';
  }

  private login(packet: string): void {
    const address = `${between(packet, '<username>', '<')}@localhost/${between(packet, '<resource>', '<')}`;
    const socket = between(packet, " sfrom='", "'");
    sessions.set(address, socket);
    const id = between(packet, " id='", "'");
    this.output += `<iq type='result' id='${id}' sto='${socket}' sfrom='${address}'/>`;
  }

  private message(packet: string): void {
    const from = between(packet, " sto='", "'");
    if (packet.includes(" type='error'")) return void sessions.delete(from);
    const to = between(packet, " to='", "'");
    const socket = sessions.get(to);
    if (socket === undefined) return;
    const addressing = packet.indexOf(' sfrom=');
    const rest = packet.slice(packet.indexOf('>'));
    this.output += `${packet.slice(0, addressing)} from='${from}' sto='${socket}' sfrom='${to}'${rest}`;
  }
}

/** The end of the packet at `from`; -1 where it is not complete. */
function packetEnd(input: string, from: number): number {
  const end = input.startsWith(PROBE, from) ? '/>' : ENDS[input[from + 1]];
  if (end === undefined) return input.startsWith('</stream', from) ? input.length : -1;
  const at = input.indexOf(end, from);
  return at < 0 ? -1 : at + end.length;
}

function between(text: string, before: string, after: string): string {
  const begin = text.indexOf(before) + before.length;
  return text.slice(begin, text.indexOf(after, begin));
}

createServer((socket) => new Link(socket)).listen(Number(process.argv[2]), '127.0.0.1');
