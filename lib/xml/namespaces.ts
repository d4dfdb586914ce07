import { escape, unescape } from './escape.js';
import { isNameStartByte, isUriByte } from './lexis.js';
import { isNameStart } from './names.js';

const XML = 'http://www.w3.org/XML/1998/namespace';
const XMLNS = 'http://www.w3.org/2000/xmlns/';
const PREFIXED = /^([^:]+):([^:]+)$/;

interface Declaration {
  readonly depth: number;
  readonly prefix: string;
  readonly uri: string;
}

interface Attribute {
  readonly name: string;
  readonly source: string;
}

/** Prefix and local part, where both can stand alone as names (`a:1`, `:a`, `a:b:c` are none). [XML Namespaces 1.0 3] */
function split(name: string): readonly [prefix: string, local: string] | undefined {
  const match = PREFIXED.exec(name);
  if (!match) return undefined;
  const [, prefix, local] = match as unknown as [string, string, string];
  const first = local.charCodeAt(0);
  return (first < 0x80 ? isNameStartByte(first) : isNameStart(first)) ? [prefix, local] : undefined;
}

/**
 * A character that expat could be using to join a namespace and a name, and then refuses inside of a namespace
 * (jabberd2 uses `|`). No URI has one of them.
 */
function isSeparable(uri: string): boolean {
  for (let at = 0; at < uri.length; at += 1) {
    const code = uri.charCodeAt(at);
    if (code < 0x80 && !isUriByte(code)) return true;
  }
  return false;
}

/** Which prefixes stand for what, in a stream that is read with namespaces. [XML Namespaces 1.0] */
export class NamespaceScope {
  /** Prefixes that the stanza at hand uses and only the stream header declares, with their declarations. */
  private readonly inheritedNow = new Map<string, string>();
  private readonly declarations: Declaration[] = [];

  /**
   * Checks a whole opening tag, and takes its declarations into account until {@link leave}.
   *
   * @param depth how many elements are open around it
   * @param spans name begin, name end, value begin, value end for each attribute
   * @returns what is wrong, or nothing
   */
  enter(
    depth: number,
    bytes: Uint8Array,
    nameBegin: number,
    nameEnd: number,
    spans: Int32Array,
  ): string | undefined {
    const cut = (from: number, to: number): string =>
      Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8');
    const attributes: Attribute[] = [];
    for (let at = 0; at < spans.length; at += 4) {
      attributes.push({ name: cut(spans[at], spans[at + 1]), source: cut(spans[at + 2], spans[at + 3]) });
    }
    return (
      this.declareAll(depth, attributes) ??
      this.checkElement(cut(nameBegin, nameEnd)) ??
      this.checkAttributes(attributes)
    );
  }

  /** Forgets what was declared by elements that have more than `depth` elements around them, or are at it. */
  leave(depth: number): void {
    while (this.declarations.length > 0 && this.declarations.at(-1)!.depth >= depth) this.declarations.pop();
  }

  /** Declarations, ready to be written, that the stanza just read needs from the stream header; then forgets them. */
  takeInherited(): string {
    if (this.inheritedNow.size === 0) return '';
    let written = '';
    for (const [prefix, uri] of this.inheritedNow) written += ` xmlns:${prefix}='${escape(uri)}'`;
    this.inheritedNow.clear();
    return written;
  }

  private declareAll(depth: number, attributes: readonly Attribute[]): string | undefined {
    for (const { name, source } of attributes) {
      if (name !== 'xmlns' && !name.startsWith('xmlns:')) continue;
      const wrong = this.declare(depth, name.slice(6), unescape(source));
      if (wrong) return wrong;
    }
    return undefined;
  }

  /** [XML Namespaces 1.0 3, 5] */
  private declare(depth: number, prefix: string, uri: string): string | undefined {
    if (prefix === 'xmlns' || uri === XMLNS || (prefix === 'xml') !== (uri === XML)) {
      return 'a reserved prefix or namespace';
    }
    if (prefix !== '' && uri === '') return 'a prefix that stands for nothing';
    if (isSeparable(uri)) return 'a namespace that is no URI';
    if (prefix !== '' && prefix !== 'xml') this.declarations.push({ depth, prefix, uri });
    return undefined;
  }

  private checkElement(name: string): string | undefined {
    if (!name.includes(':')) return undefined;
    return this.resolve(name) === undefined ? 'a prefix that is not declared' : undefined;
  }

  private checkAttributes(attributes: readonly Attribute[]): string | undefined {
    const seen = new Set<string>();
    for (const { name } of attributes) {
      if (!name.includes(':')) continue;
      if (name.startsWith('xmlns:') && split(name)) continue;
      const expanded = this.resolve(name);
      if (expanded === undefined) return 'a prefix that is not declared';
      if (seen.has(expanded)) return 'an attribute given twice';
      seen.add(expanded);
    }
    return undefined;
  }

  /** Namespace and local name, or undefined where the prefix is not declared or the name is none. */
  private resolve(name: string): string | undefined {
    const parts = split(name);
    if (!parts) return undefined;
    const [prefix, local] = parts;
    if (prefix === 'xml') return `${XML} ${local}`;
    const declared = this.declarations.findLast((declaration) => declaration.prefix === prefix);
    if (declared?.depth === 0) this.inheritedNow.set(prefix, declared.uri);
    return declared && `${declared.uri} ${local}`;
  }
}
