/** The time of the server, for new clients [XEP-0202] and old ones [XEP-0090]. */
import { element } from '../../xml/index.js';
import { dateTime, legacyDateTime } from '../../xmpp/delay.js';
import { askedOfServer, type QueryAnswer, type Feature } from './feature.js';
import { LEGACY_TIME, TIME } from '../../xmpp/namespaces.js';

function time(): QueryAnswer {
  const fields = [element('tzo', {}, '+00:00'), element('utc', {}, dateTime(Date.now()))];
  return element('time', { xmlns: TIME }, ...fields);
}

function legacyTime(): QueryAnswer {
  const now = Date.now();
  const texts = { utc: legacyDateTime(now), tz: 'UTC', display: new Date(now).toUTCString() };
  const fields = Object.entries(texts).map(([name, text]) => element(name, {}, text));
  return element('query', { xmlns: LEGACY_TIME }, ...fields);
}

export function timeFeature(): Feature {
  return {
    announces: [TIME, LEGACY_TIME],
    answers: {
      [TIME]: (query) => askedOfServer(query, time),
      [LEGACY_TIME]: (query) => askedOfServer(query, legacyTime),
    },
  };
}
