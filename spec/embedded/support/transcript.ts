import { readFileSync } from 'node:fs';

/** What the socket manager sent at one go, and what came back before it sent again. */
export interface Step {
  /** Line of the file that was sent. */
  readonly line: number;
  readonly sent: string;
  readonly expected: readonly string[];
  /** Did the connection close after that? */
  readonly closes: 'by the session manager' | 'by the component' | 'no';
}

const FOLDER = new URL('../../../../spec/fixtures/transcripts/', import.meta.url);

function closing(comments: string[]): Step['closes'] {
  if (comments.some((text) => text.includes('[jabberd closed the TCP connection]')))
    return 'by the session manager';
  return comments.some((text) => text.startsWith('# TCP connection dropped')) ? 'by the component' : 'no';
}

/** Reads a recording: `> ` socket manager to session manager, `< ` back, `#` comments; `C>` is a client's own line. */
export function transcript(name: string): Step[] {
  const lines = readFileSync(new URL(`sto-sfrom/${name}`, FOLDER), 'utf8').split('\n');
  const starts = lines.flatMap((text, at) => (text.startsWith('> ') ? [at] : []));
  return starts.map((start, at) => {
    const block = lines.slice(start + 1, starts[at + 1]);
    return {
      line: start + 1,
      sent: lines[start].slice(2),
      expected: block.filter((text) => text.startsWith('< ')).map((text) => text.slice(2)),
      closes: closing(block),
    };
  });
}

/** One line of a recording of 1.4. */
export interface Line {
  readonly number: number;
  /** Which connection it is of, where there are several. */
  readonly who: string;
  readonly way: '>' | '<' | '#';
  readonly text: string;
}

/** Reads a recording of the route dialect: stanzas may go over several lines, and connections have names. */
export function routeTranscript(name: string): Line[] {
  const lines: { number: number; who: string; way: '>' | '<' | '#'; text: string }[] = [];
  const texts = readFileSync(new URL(`route/${name}`, FOLDER), 'utf8')
    .trimEnd()
    .split('\n');
  for (const [at, text] of texts.entries()) {
    const match = /^(?:\((\w+)\) )?([<>]) (.*)$/.exec(text);
    if (match) lines.push({ number: at + 1, who: match[1] ?? '', way: match[2] as '>', text: match[3] });
    else if (text.startsWith('# ')) lines.push({ number: at + 1, who: '', way: '#', text: text.slice(2) });
    else lines.at(-1)!.text += `\n${text}`;
  }
  return lines;
}
