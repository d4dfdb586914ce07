import type { Element } from '../../xml/index.js';
import type { ScriptFailure } from '../play.js';
import { excerpt, pretty } from '../print.js';
import type { Difference } from '../match.js';

/** The parts of a failure, each as lines. */
export interface Explanation {
  /** `basic.scs:20: Romeo receives <presence>: it did not come within 5 s`. */
  readonly message: string;
  readonly expected: readonly string[];
  /** The heading of `nearest`: `what came instead`, `the nearest of 3 that came instead`. */
  readonly heading: string;
  readonly nearest: readonly string[];
  readonly differences: readonly string[];
}

/** Explains a failure, so that a person can see whether the script or the server is wrong. */
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
    differences: limited(differences.map(describe)),
  };
}

/** In words; the others are only counted. */
const MAX_DIFFERENCES = 20;

const limited = (all: readonly string[]): string[] =>
  all.length <= MAX_DIFFERENCES
    ? [...all]
    : [...all.slice(0, MAX_DIFFERENCES), `and ${all.length - MAX_DIFFERENCES} more`];

const describe = ({ path, text }: Difference): string => `${path}: ${text}`;

/** The whole explanation as lines of text. */
export function lines(file: string, failure: ScriptFailure): string[] {
  const { message, expected, heading, nearest, differences } = explain(file, failure);
  return [
    message,
    ...part('expected', expected),
    ...part(heading, nearest),
    ...part('differs in', differences),
    ...nothingCame(failure),
  ];
}

function part(heading: string, content: readonly string[]): string[] {
  return content.length === 0 ? [] : [`  ${heading}:`, ...content.map((line) => `    ${line}`)];
}

function nothingCame({ expected, nearest }: ScriptFailure): string[] {
  return expected && !nearest ? ['  nothing came instead'] : [];
}
