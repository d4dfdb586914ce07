import type { Role } from '../../net/transport.js';
import { escapeValue, Reader, type Tag } from '../../xml/index.js';
import { CLIENT, STREAMS } from '../namespaces.js';
import type { Framing, HeaderError, OwnHeader } from './framing.js';

/** The root must be `stream` in the streams namespace, with any prefix. [RFC6120 4.8] */
function checkRoot(header: Tag): HeaderError | undefined {
  const [prefix, local] = header.name.includes(':') ? header.name.split(':') : ['', header.name];
  const namespaces = header.declarations();
  if (local !== 'stream') return { kind: 'bad-header' };
  if (namespaces.get(prefix) !== STREAMS) return { kind: 'bad-stream-namespace' };
  if (namespaces.get('') !== CLIENT) return { kind: 'bad-namespace', detail: `must be ${CLIENT}` };
  return undefined;
}

const PROLOG = `<?xml version='1.0'?>`;

/** The attributes stand in the order that the old servers and components write. */
function open(role: Role, { xmlns, id, from, to, version, language }: OwnHeader): string {
  const stanzas = attribute('xmlns', xmlns);
  const streams = attribute('xmlns:stream', STREAMS);
  const names = role === 'receiving' ? streams + attribute('id', id) + stanzas : stanzas + streams;
  const rest = attribute('from', from) + attribute('to', to) + attribute('version', version);
  return `${PROLOG}<stream:stream${names}${rest}${attribute('xml:lang', language)}>`;
}

function attribute(name: string, value: string | undefined): string {
  return value === undefined ? '' : ` ${name}='${escapeValue(value)}'`;
}

/** One XML document in each direction, whose root is `<stream:stream>`. [RFC6120 4.2] */
export const tcp: Framing = {
  open,
  forward: (header) => PROLOG + header.source,
  close: '</stream:stream>',
  keepalive: ' ',
  checkRoot,
  newReader: (events, options) => new Reader(events, options),
};
