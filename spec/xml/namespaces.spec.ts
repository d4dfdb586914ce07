import { expect } from 'chai';
import { NamespaceScope } from '../../lib/xml/namespaces.js';

/** Enters a tag that is written `name attribute=value attribute=value` (no spaces in values). */
function enter(scope: NamespaceScope, depth: number, tag: string): string | undefined {
  const bytes = Buffer.from(tag);
  const nameEnd = bytes.indexOf(' ') < 0 ? bytes.length : bytes.indexOf(' ');
  const spans: number[] = [];
  for (let at = nameEnd; at < bytes.length;) {
    const equals = bytes.indexOf('=', at);
    const space = bytes.indexOf(' ', equals);
    const end = space < 0 ? bytes.length : space;
    spans.push(at + 1, equals, equals + 1, end);
    at = end;
  }
  return scope.enter(depth, bytes, 0, nameEnd, Int32Array.from(spans));
}

describe('NamespaceScope', () => {
  it('knows a prefix inside of the element that declares it', () => {
    const scope = new NamespaceScope();
    expect(enter(scope, 0, 's xmlns=d')).to.be.undefined;
    expect(enter(scope, 1, 'a xmlns:p=urn:p')).to.be.undefined;
    expect(enter(scope, 2, 'p:b p:c=1')).to.be.undefined;
    scope.leave(2);
    expect(enter(scope, 2, 'p:d')).to.be.undefined;
    scope.leave(1);
    expect(enter(scope, 1, 'p:e')).to.equal('a prefix that is not declared');
  });

  it('knows the outer meaning of a prefix again behind an inner one', () => {
    const scope = new NamespaceScope();
    enter(scope, 0, 's xmlns:p=urn:x xmlns:q=urn:y');
    expect(enter(scope, 1, 'a xmlns:p=urn:y p:n=1 q:n=2')).to.equal('an attribute given twice');
    scope.leave(1);
    expect(enter(scope, 1, 'a p:n=1 q:n=2')).to.be.undefined;
  });

  it('tells the declarations that are needed from the header, once', () => {
    const scope = new NamespaceScope();
    enter(scope, 0, 's:s xmlns:s=urn:s xmlns:p=urn:&apos;');
    expect(scope.inheritedBytes).to.equal(0);
    enter(scope, 1, 'p:a p:b=1');
    scope.leave(1);
    expect(scope.inheritedBytes).to.equal(` xmlns:p='urn:&apos;'`.length);
    expect(scope.takeInherited()).to.equal(` xmlns:p='urn:&apos;'`);
    expect(scope.inheritedBytes).to.equal(0);
    expect(scope.takeInherited()).to.equal('');
  });

  it('tells white space in them by reference: written as such it would be read as spaces [XML 1.0 3.3.3]', () => {
    const scope = new NamespaceScope();
    enter(scope, 0, 's xmlns:p=urn:a&#10;b');
    enter(scope, 1, 'p:a');
    expect(scope.takeInherited()).to.equal(` xmlns:p='urn:a&#10;b'`);
  });

  it('counts them in bytes', () => {
    const scope = new NamespaceScope();
    enter(scope, 0, 's xmlns:p=urn:é');
    enter(scope, 1, 'p:a');
    expect(scope.inheritedBytes).to.equal(` xmlns:p='urn:é'`.length + 1);
  });

  it('finds a prefix at once, however many are declared', () => {
    const scope = new NamespaceScope();
    enter(scope, 0, 's');
    for (let depth = 1; depth < 1000; depth += 1) enter(scope, depth, `a xmlns:p${depth}=urn:${depth}`);
    const { findLast } = Array.prototype;
    let searched = 0;
    Array.prototype.findLast = function (this: unknown[], ...args: Parameters<typeof findLast>): unknown {
      searched += this.length;
      return findLast.apply(this, args);
    } as typeof findLast;
    try {
      expect(enter(scope, 1000, 'p1:a')).to.be.undefined;
    } finally {
      Array.prototype.findLast = findLast;
    }
    expect(searched).to.equal(0);
  });
});
