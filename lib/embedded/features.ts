import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Feature, FeatureFactory } from './feature.js';
import type { Services } from './services.js';

const FOLDER = new URL('./features/', import.meta.url);

/**
 * The factories of all features. The folder is the list: a new feature is a new file and changes no other. `require`
 * loads the modules [Node.js 20.19], because a constructor cannot wait for `import`.
 */
const factories = loadAll();

function loadAll(): FeatureFactory[] {
  const load = createRequire(FOLDER);
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.js'));
  return files.sort().map((file) => (load(`./${file}`) as { default: FeatureFactory }).default);
}

/** All features, made for one session manager. */
export function createFeatures(services: Services): Feature[] {
  return factories.map((create) => create(services));
}
