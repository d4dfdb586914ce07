/** jabber:iq:version: what this server runs. The operating system is nobody's business. [XEP-0092] */
import { readFileSync } from 'node:fs';
import { element } from '../../xml/index.js';
import type { Feature } from './feature.js';

const VERSION = 'jabber:iq:version';
const PACKAGE = new URL('../../../../package.json', import.meta.url);

export default function version(): Feature {
  const { name, version: number } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as Record<string, string>;
  return {
    announces: [VERSION],
    answers: {
      [VERSION]: ({ type, target, unaddressed }) => {
        if (target === 'account' && !unaddressed) return 'service-unavailable';
        if (type === 'set') return 'not-allowed';
        const fields = [element('name', {}, name), element('version', {}, number)];
        return element('query', { xmlns: VERSION }, ...fields);
      },
    },
  };
}
