import type { Services } from '../services.js';
import agents from './agents.js';
import disco from './disco.js';
import type { Feature, FeatureFactory } from './feature.js';
import last from './last.js';
import offline from './offline.js';
import ping from './ping.js';
import privateStorage from './private.js';
import register from './register.js';
import roster from './roster.js';
import session from './session.js';
import time from './time.js';
import vcard from './vcard.js';
import version from './version.js';

/** Every feature. A new one is a file in this folder and an entry here. */
const FACTORIES: readonly FeatureFactory[] = [
  agents,
  disco,
  last,
  offline,
  ping,
  privateStorage,
  register,
  roster,
  session,
  time,
  vcard,
  version,
];

/** All features, made for one session manager. */
export function createFeatures(services: Services): Feature[] {
  return FACTORIES.map((create) => create(services));
}
