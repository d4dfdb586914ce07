import { Reader, type Stanza } from '../../lib/xml/index.js';

function readFirst(text: string, namespaces: boolean): Stanza {
  let found: Stanza | undefined;
  const reader = new Reader(
    {
      onHeader: () => undefined,
      onStanza: (read) => void (found = read),
      onClosingTag: () => undefined,
      onParseError: ({ text: reason }) => {
        throw new Error(reason);
      },
    },
    { limits: { bytes: 10_000, depth: 20, attributes: 50 }, namespaces },
  );
  reader.write(Buffer.from(text));
  return found!;
}

/** A stanza as a link reads it. */
export function stanza(source: string): Stanza {
  return readFirst(`<stream>${source}`, false);
}

/**
 * A stanza as the stream of a client reads it.
 *
 * @param header more attributes for the stream header
 */
export function clientStanza(source: string, header = ''): Stanza {
  const streams = 'http://etherx.jabber.org/streams';
  return readFirst(`<stream:stream xmlns='jabber:client' xmlns:stream='${streams}'${header}>${source}`, true);
}
