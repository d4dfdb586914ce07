import type { EmbeddedContext } from '../context.js';
import { agentsFeature } from './agents.js';
import { discoFeature } from './disco.js';
import type { Feature } from './feature.js';
import { lastFeature } from './last.js';
import { offlineFeature } from './offline.js';
import { pingFeature } from './ping.js';
import { privateFeature } from './private.js';
import { registerFeature } from './register.js';
import { rosterFeature } from './roster.js';
import { sessionFeature } from './session.js';
import { timeFeature } from './time.js';
import { vcardFeature } from './vcard.js';
import { versionFeature } from './version.js';

/** Every feature. A new one is a file in this folder and an entry here. */
const FEATURES: readonly ((context: EmbeddedContext) => Feature)[] = [
  agentsFeature,
  discoFeature,
  lastFeature,
  offlineFeature,
  pingFeature,
  privateFeature,
  registerFeature,
  rosterFeature,
  sessionFeature,
  timeFeature,
  vcardFeature,
  versionFeature,
];

/** All features, made for one session manager. */
export function createFeatures(context: EmbeddedContext): Feature[] {
  return FEATURES.map((create) => create(context));
}
