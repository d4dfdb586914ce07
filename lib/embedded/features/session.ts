/** The session request that some clients send though nobody has offered it: there is one already. [RFC3921 3] */
import type { Feature } from './feature.js';

const SESSION = 'urn:ietf:params:xml:ns:xmpp-session';

export default function session(): Feature {
  return { answers: { [SESSION]: ({ type }) => (type === 'set' ? undefined : 'bad-request') } };
}
