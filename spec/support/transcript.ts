import { readFileSync } from 'node:fs';
import { Reader } from '../../lib/xml/index.js';

/** Compiled specs run from dist/spec/support. */
const HOME = new URL('../../../spec/fixtures/transcripts/', import.meta.url);

/** A line of a recording: who says it (`>` we, `<` the session manager, `C>` a client, `C<` to a client, `#` a note) and what. */
export interface Line {
  readonly who: string;
  readonly text: string;
}

/** Reads a recording; lines without a mark go on with the line before. */
export function transcript(name: string): Line[] {
  const lines: { who: string; text: string }[] = [];
  for (const line of readFileSync(new URL(name, HOME), 'utf8').split('\n')) {
    const match = /^([CD]?[<>]|#) (.*)$/.exec(line);
    if (match) lines.push({ who: match[1], text: match[2] });
    else if (line !== '' && lines.length > 0) lines[lines.length - 1].text += `\n${line}`;
  }
  return lines;
}

/** The stanzas of a line, which may hold several. */
export function stanzas(text: string): string[] {
  const found: string[] = [];
  const reader = new Reader(
    {
      onHeader: () => undefined,
      onStanza: ({ source }) => found.push(source),
      onClosingTag: () => undefined,
      onParseError: () => undefined,
    },
    { limits: { bytes: 1e6, depth: 100, attributes: 100 }, namespaces: false },
  );
  reader.write(Buffer.from(`<stream>${text}`));
  return found;
}
