import { escapeValue, unescapeValue } from './escape.js';
import { isNameStartByte, isUriByte } from './chars.js';
import { isNameStart } from './names.js';

/** What the prefix `xml` stands for, everywhere. [XML Namespaces 1.0 3] */
export const XML = 'http://www.w3.org/XML/1998/namespace';
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
 * (jabberd2 uses `|`, jabberd 1.6 a blank). No URI has one of them, but XML allows them all.
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
  /** Bytes of {@link takeInherited} for the stanza at hand. */
  inheritedBytes = 0;
  private separable = false;
  /** Prefixes that the stanza at hand uses and only the stream header declares, with their declarations. */
  private readonly inherited = new Map<string, string>();
  /** What is declared around the place at hand, outermost first, altogether and by prefix. */
  private readonly declarations: Declaration[] = [];
  private readonly byPrefix = new Map<string, Declaration[]>();

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
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const cut = (from: number, to: number): string => view.toString('utf8', from, to);
    const attributes: Attribute[] = [];
    for (let at = 0; at < spans.length; at += 4) {
      attributes.push({ name: cut(spans[at], spans[at + 1]), source: cut(spans[at + 2], spans[at + 3]) });
    }
    return (
      this.declareAll(depth, attributes) ??
      this.checkElement(depth, cut(nameBegin, nameEnd)) ??
      this.checkAttributes(depth, attributes)
    );
  }

  /** Forgets what was declared by elements that have more than `depth` elements around them, or are at it. */
  leave(depth: number): void {
    while (this.declarations.length > 0 && this.declarations.at(-1)!.depth >= depth) {
      this.forget(this.declarations.pop()!);
    }
  }

  /** How many declarations {@link takeInherited} has for the stanza at hand. */
  get inheritedCount(): number {
    return this.inherited.size;
  }

  /** Declarations, ready to be written, that the stanza just read needs from the stream header; then forgets them. */
  takeInherited(): string {
    if (this.inheritedBytes === 0) return '';
    const written = [...this.inherited.values()].join('');
    this.inherited.clear();
    this.inheritedBytes = 0;
    return written;
  }

  /**
   * Does the stanza just read use a namespace with a character that no URI has? It is well-formed, and some servers would
   * take it for the end of the link all the same. Then forgets it.
   */
  takeSeparable(): boolean {
    const { separable } = this;
    this.separable = false;
    return separable;
  }

  private forget({ prefix }: Declaration): void {
    const declared = this.byPrefix.get(prefix)!;
    declared.pop();
    if (declared.length === 0) this.byPrefix.delete(prefix);
  }

  private remember(declaration: Declaration): void {
    this.declarations.push(declaration);
    const declared = this.byPrefix.get(declaration.prefix);
    if (declared) declared.push(declaration);
    else this.byPrefix.set(declaration.prefix, [declaration]);
  }

  private inherit({ prefix, uri }: Declaration): void {
    if (this.inherited.has(prefix)) return;
    const written = ` xmlns:${prefix}='${escapeValue(uri)}'`;
    if (isSeparable(uri)) this.separable = true;
    this.inherited.set(prefix, written);
    this.inheritedBytes += Buffer.byteLength(written);
  }

  private declareAll(depth: number, attributes: readonly Attribute[]): string | undefined {
    for (const { name, source } of attributes) {
      if (name !== 'xmlns' && !name.startsWith('xmlns:')) continue;
      const wrong = this.declare(depth, name.slice(6), unescapeValue(source));
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
    if (depth > 0 && isSeparable(uri)) this.separable = true;
    if (prefix !== '' && prefix !== 'xml') this.remember({ depth, prefix, uri });
    return undefined;
  }

  private checkElement(depth: number, name: string): string | undefined {
    if (!name.includes(':')) return undefined;
    return this.resolve(depth, name) === undefined ? 'a prefix that is not declared' : undefined;
  }

  private checkAttributes(depth: number, attributes: readonly Attribute[]): string | undefined {
    const seen = new Set<string>();
    for (const { name } of attributes) {
      if (!name.includes(':')) continue;
      if (name.startsWith('xmlns:') && split(name)) continue;
      const expanded = this.resolve(depth, name);
      if (expanded === undefined) return 'a prefix that is not declared';
      if (seen.has(expanded)) return 'an attribute given twice';
      seen.add(expanded);
    }
    return undefined;
  }

  /** Namespace and local name, or undefined where the prefix is not declared or the name is none. */
  private resolve(depth: number, name: string): string | undefined {
    const parts = split(name);
    if (!parts) return undefined;
    const [prefix, local] = parts;
    if (prefix === 'xml') return `${XML} ${local}`;
    const declared = this.byPrefix.get(prefix)?.at(-1);
    if (declared?.depth === 0 && depth > 0) this.inherit(declared);
    return declared && `${declared.uri} ${local}`;
  }
}
