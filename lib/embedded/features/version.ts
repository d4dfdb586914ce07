/** jabber:iq:version: name and version of this program, without the operating system. [XEP-0092] */
import { readFileSync } from 'node:fs';
import { element } from '../../xml/index.js';
import { askedOfServer, type QueryAnswer, type Feature } from './feature.js';
import { VERSION } from '../../xmpp/namespaces.js';

const PACKAGE = new URL('../../../../package.json', import.meta.url);

export function versionFeature(): Feature {
  const { name, version } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as Record<string, string>;

  function answer(): QueryAnswer {
    const fields = [element('name', {}, name), element('version', {}, version)];
    return element('query', { xmlns: VERSION }, ...fields);
  }

  return {
    announces: [VERSION],
    answers: { [VERSION]: (query) => askedOfServer(query, answer) },
  };
}
