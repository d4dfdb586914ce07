import { Reader, type Stanza } from '../../lib/xml/index.js';

/** A stanza as a link reads it. */
export function stanza(source: string): Stanza {
  let found: Stanza | undefined;
  const reader = new Reader(
    {
      open: () => undefined,
      stanza: (read) => void (found = read),
      close: () => undefined,
      fault: ({ text }) => {
        throw new Error(text);
      },
    },
    { limits: { bytes: 10_000, depth: 10, attributes: 10 }, namespaces: false },
  );
  reader.write(Buffer.from(`<stream>${source}`));
  return found!;
}
