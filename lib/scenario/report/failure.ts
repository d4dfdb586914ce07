import type { Element } from '../../xml/index.js';
import type { ScriptFailure } from '../play.js';
import { excerpt, pretty } from '../print.js';
import type { Difference } from '../match.js';

/** The parts of a failure that are worth a heading, each as lines. */
export interface Explanation {
  /** `basic.scs:20: Romeo receives <presence>: it did not come within 5 s`. */
  readonly message: string;
  readonly expected: readonly string[];
  /** How the nearest is introduced: `what came instead`, `the nearest of 3 that came instead`. */
  readonly heading: string;
  readonly nearest: readonly string[];
  readonly differences: readonly string[];
}

/** What a person needs to know to see whether the script or the server is wrong. */
export function explain(
  file: string,
  { line, what, expected, nearest, came = 0 }: ScriptFailure,
): Explanation {
  const differences = nearest?.differences ?? [];
  const marks = (side: 'expected' | 'received'): Set<Element> =>
    new Set(differences.map((one) => one[side]).filter((one) => one !== undefined));
  return {
    message: `${file}:${line}: ${what}`,
    expected: expected ? excerpt(pretty(expected, marks('expected'))) : [],
    heading:
      came > 1 ? `the ${expected ? 'nearest' : 'first'} of ${came} that came instead` : 'what came instead',
    nearest: nearest ? excerpt(pretty(nearest.stanza, marks('received'))) : [],
    differences: few(differences.map(describe)),
  };
}

/** How many differences are told in words. */
const MAX_SHOWN = 20;

const few = (all: readonly string[]): string[] =>
  all.length <= MAX_SHOWN ? [...all] : [...all.slice(0, MAX_SHOWN), `and ${all.length - MAX_SHOWN} more`];

const describe = ({ path, text }: Difference): string => `${path}: ${text}`;

/** All of it as lines of text. */
export function lines(file: string, failure: ScriptFailure): string[] {
  const { message, expected, heading, nearest, differences } = explain(file, failure);
  return [
    message,
    ...part('expected', expected),
    ...part(heading, nearest),
    ...part('differs in', differences),
    ...silence(failure),
  ];
}

function part(heading: string, content: readonly string[]): string[] {
  return content.length === 0 ? [] : [`  ${heading}:`, ...content.map((line) => `    ${line}`)];
}

function silence({ expected, nearest }: ScriptFailure): string[] {
  return expected && !nearest ? ['  nothing came instead'] : [];
}
