import { expect } from 'chai';
import { readAnswer } from '../../../lib/upstream/component/answer.js';
import { route } from '../../../lib/upstream/component/dialects/route.js';
import { stoSfrom } from '../../../lib/upstream/component/dialects/sto-sfrom.js';
import type { Answer, LoginRequest, Request } from '../../../lib/session/requests.js';
import { parse } from '../../../lib/xml/index.js';
import { stanza } from '../../support/stanza.js';

const ADDRESS = 'juliet@localhost/Balcony';
const iq = parse(`<iq id='1'/>`);
const LOGIN: LoginRequest = {
  kind: 'login',
  user: 'juliet',
  domain: 'localhost',
  resource: 'Balcony',
  proof: {},
  iq,
};
const FIELDS: Request = { kind: 'fields', iq, domain: 'localhost' };

const direct = (source: string, from = ADDRESS, request: Request = LOGIN): Answer | undefined =>
  readAnswer(stoSfrom, request, stoSfrom.read(stanza(source.replace('>', ` sto='a' sfrom='${from}'>`)))!);
const routed = (source: string, type = ` type='auth'`, request: Request = LOGIN): Answer | undefined =>
  readAnswer(route, request, route.read(stanza(`<route to='a' from='localhost'${type}>${source}</route>`))!);

describe('the answer of a session manager', () => {
  const result = `<iq type='result' id='1'></iq>`;

  it('opens the session in sto-sfrom, where it comes from that', () => {
    expect(direct(result)).to.include({ kind: 'opened', sessionAddress: ADDRESS });
    expect(direct(result, 'localhost'), 'from the host').to.include({ kind: 'refused', at: 'session' });
  });

  it('allows to ask for the session in route', () => {
    expect(routed(result)).to.deep.equal({ kind: 'accepted', text: result });
  });

  it('is an iq with the id of the request, in a route that says that it is an answer', () => {
    expect(routed(result, '')).to.equal(undefined);
    expect(routed(result, ` type='session'`)).to.equal(undefined);
    for (const read of [direct, routed]) {
      expect(read(`<iq type='result' id='2'></iq>`)).to.equal(undefined);
      expect(read(`<message type='result' id='1'></message>`)).to.equal(undefined);
    }
  });

  for (const [code, temporary] of [
    ['401', false],
    ['503', true],
  ] as const) {
    it(`refuses the login ${temporary ? 'for now' : ''} with ${code}`, () => {
      const text = `<iq type='error' id='1'><error code='${code}'/></iq>`;
      expect(routed(text)).to.deep.include({ kind: 'refused', at: 'login', temporary, text });
      expect(direct(text)).to.deep.include({ kind: 'refused', at: 'login', temporary });
    });
  }

  it('to another request is told as it is', () => {
    const text = `<iq type='error' id='1'><error code='503'/></iq>`;
    expect(routed(result, undefined, FIELDS)).to.deep.equal({ kind: 'answered', result: true, text: result });
    expect(routed(text, undefined, FIELDS)).to.deep.equal({ kind: 'answered', result: false, text });
  });
});
