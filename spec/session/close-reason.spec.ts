import { expect } from 'chai';
import { describe as reasonOf, streamError, type CloseReasonKind } from '../../lib/session/close-reason.js';

describe('the end of a connection', () => {
  it('is a sentence in the log, with what exactly was wrong', () => {
    expect(reasonOf({ kind: 'not-well-formed', detail: 'an attribute given twice' })).to.equal(
      'malformed XML: an attribute given twice',
    );
    expect(reasonOf({ kind: 'closed-by-client' })).to.equal('closed by the client');
  });

  const conditions: Partial<Record<CloseReasonKind, string>> = {
    'bad-header': 'invalid-xml',
    'bad-namespace': 'invalid-namespace',
    'bad-stream-namespace': 'invalid-namespace',
    'unsupported-version': 'unsupported-version',
    'host-unknown': 'host-unknown',
    'not-well-formed': 'not-well-formed',
    'bad-format': 'bad-format',
    'restricted-xml': 'restricted-xml',
    'unsupported-encoding': 'unsupported-encoding',
    'policy-violation': 'policy-violation',
    'unsupported-stanza': 'unsupported-stanza-type',
    'not-authorized': 'not-authorized',
    'login-timeout': 'connection-timeout',
    'login-attempts': 'policy-violation',
    'stanza-timeout': 'connection-timeout',
    'slow-reader': 'resource-constraint',
    replaced: 'conflict',
    ended: 'undefined-condition',
    'session-lost': 'reset',
    'account-removed': 'not-authorized',
    'link-down': 'remote-connection-failed',
    shutdown: 'system-shutdown',
    'internal-error': 'internal-server-error',
  };
  for (const [kind, condition] of Object.entries(conditions)) {
    it(`${kind} is told as ${condition} [RFC6120 4.9.3]`, () => {
      expect(streamError({ kind: kind as CloseReasonKind })?.condition).to.equal(condition);
      expect(streamError({ kind: kind as CloseReasonKind })?.text).to.match(/^\S/);
    });
  }

  for (const kind of ['closed-by-client', 'disconnected', 'connection-lost', 'client-error'] as const) {
    it(`${kind} is told to nobody`, () => expect(streamError({ kind })).to.equal(undefined));
  }
});
