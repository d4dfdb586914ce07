/** The session request, which some clients send although it was not offered: the session is open already. [RFC3921 3] */
import type { Feature } from './feature.js';
import { SESSION } from '../../xmpp/namespaces.js';

export function sessionFeature(): Feature {
  return { answers: { [SESSION]: ({ type }) => (type === 'set' ? undefined : 'bad-request') } };
}
