import { columns } from '../../observe/columns.js';
import type { Element } from '../../xml/index.js';
import { fullJidOf, type ScriptComparison, type ComparedStanza } from '../compare.js';
import type { Difference } from '../match.js';
import { CLIENT } from '../../xmpp/namespaces.js';

/** A kind of difference between servers, without the values. */
interface Kind {
  /** The side that has more; both: a different value on each side. */
  readonly side: 'left' | 'right' | 'both';
  /** The option that ignores it; a description where that would hide too much. */
  readonly what: string;
}

/** A table of the kinds of differences, the most frequent first; empty where nothing differs. */
export function differenceTable(all: readonly ScriptComparison[]): string[] {
  const found = new Map<string, { kind: Kind; first: string; count: number }>();
  for (const { file, rows } of all) {
    for (const row of rows) {
      for (const [key, kind] of kindsOf(row)) {
        const before = found.get(key) ?? { kind, first: `${file}:${row.line}`, count: 0 };
        found.set(key, { ...before, count: before.count + 1 });
      }
    }
  }
  if (found.size === 0) return [];
  const rows = [...found.values()]
    .sort((a, b) => b.count - a.count)
    .map(({ kind: { side, what }, first, count }) => [String(count), side, what, first]);
  return columns([['stanzas', 'side', 'what differs', 'first at'], ...rows], [0]);
}

/** The kinds of differences of one stanza, each once. */
function kindsOf({ who, left, right, differences }: ComparedStanza): Map<string, Kind> {
  const all = left && right ? inside(left, right, differences) : [whole(who, left, right)];
  return new Map(all.map((kind) => [`${kind.side} ${kind.what}`, kind]));
}

function whole(who: string, left: Element | undefined, right: Element | undefined): Kind {
  const stanza = (left ?? right)!;
  const type = stanza.attribute('type');
  const side = left ? 'left' : 'right';
  if (stanza.name === 'presence' && stanza.attribute('from') === fullJidOf(who)) {
    return { side, what: ignoring('/presence[@from=self]') };
  }
  const [first] = stanza.name === 'iq' ? stanza.elements : [];
  const about = type === 'error' ? saying(stanza) : first ? ` with ${step(first)}` : '';
  return { side, what: `<${stanza.name}${type === undefined ? '' : ` type='${type}'`}>${about}` };
}

/** The condition of an error, or its code. */
function sentence(stanza: Element): string | undefined {
  if (stanza.attribute('type') !== 'error') return undefined;
  const error = stanza.child('error');
  return error?.elements.at(0)?.localName ?? error?.attribute('code');
}

function saying(stanza: Element): string {
  const said = sentence(stanza);
  return said === undefined ? '' : ` saying ${said}`;
}

function inside(left: Element, right: Element, differences: readonly Difference[]): Kind[] {
  const [before, after] = [left.attribute('type'), right.attribute('type')];
  if (before !== after) {
    // An error has other children than a result, so all that is one difference.
    return [{ side: 'both', what: `<${left.name}> of type ${before} on the left, ${after} on the right` }];
  }
  const [said, saidThere] = [sentence(left), sentence(right)];
  if (said === saidThere) return differences.map((one) => kindOf(one, left));
  return [
    {
      side: 'both',
      what: `<${left.name} type='error'> saying ${said} on the left, ${saidThere} on the right`,
    },
  ];
}

function kindOf({ path, about }: Difference, stanza: Element): Kind {
  switch (about.kind) {
    case 'attribute': {
      const { name, expected, received } = about;
      const side = received === undefined ? 'left' : expected === undefined ? 'right' : 'both';
      const matters = name === 'jid' || (name === 'from' && path === stanza.localName);
      return { side, what: matters ? `${name} of <${path}>` : ignoring(`${path}/@${name}`) };
    }
    case 'text':
      return { side: 'both', what: `text of <${path}>` };
    case 'missing':
      return { side: 'left', what: ignoring(child(path, about.child, stanza)) };
    case 'unexpected':
      return { side: 'right', what: ignoring(child(path, about.child, stanza)) };
    case 'element':
      return { side: 'both', what: `<${path}>` };
  }
}

function child(path: string, element: Element, stanza: Element): string {
  // Errors may hold the request, which is of any namespace. [RFC6120 8.3.1]
  const isAsked = path === stanza.localName && stanza.attribute('type') === 'error';
  return isAsked && element.localName !== 'error'
    ? `${path}[@type=error]/${element.localName}`
    : `${path}/${step(element)}`;
}

const DISCO = 'http://jabber.org/protocol/disco';
/** The attribute that identifies an element which has only that. */
const TELLING: ReadonlyMap<string, string> = new Map([
  [`${DISCO}#info feature`, 'var'],
  [`${DISCO}#items item`, 'jid'],
]);

function step(element: Element): string {
  const { localName, namespace } = element;
  const attribute = TELLING.get(`${namespace} ${localName}`) ?? '';
  const value = element.attribute(attribute);
  const which = value === undefined || value.includes(']') ? '' : `[@${attribute}=${value}]`;
  return (namespace === '' || namespace === CLIENT ? localName : `{${namespace}}${localName}`) + which;
}

/** Quoted for a shell. */
const ignoring = (pattern: string): string =>
  `--ignore ${/^[\w/@.:-]+$/.test(pattern) ? pattern : `'${pattern}'`}`;
