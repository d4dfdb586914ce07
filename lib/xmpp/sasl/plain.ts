/** SASL PLAIN: name and password in one message. [RFC4616] */
import type { ClientCredentials, ClientMechanism } from './mechanism.js';

export function plainClient({ user, password }: ClientCredentials): ClientMechanism {
  return { name: 'PLAIN', initial: `\0${user}\0${password}`, respond: () => '', finish: () => undefined };
}
