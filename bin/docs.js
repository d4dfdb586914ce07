// npm run docs: writes docs/options.md from the table of options.
import { writeFileSync } from 'node:fs';
import { optionsPage } from '../dist/lib/config/page.js';

writeFileSync(new URL('../docs/options.md', import.meta.url), optionsPage());
