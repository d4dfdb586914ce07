import { iqAuth } from './iq-auth.js';
import type { FeatureStream, StreamFeature } from './feature.js';
import { register } from './register.js';
import { startTls } from './starttls.js';

/** All features, in the order in which they are offered. */
export const FEATURES: readonly StreamFeature[] = [startTls, iqAuth, register];

/** `<stream:features/>`, with what a stream offers in the state that it is in. [RFC6120 4.3.2] */
export function writeFeatures(stream: FeatureStream): string {
  return `<stream:features>${FEATURES.map((feature) => feature.offer(stream)).join('')}</stream:features>`;
}
