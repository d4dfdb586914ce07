import { expect } from 'chai';
import { ESLint } from 'eslint';

/** What the rule about imports says of a file of ours with this text. */
async function complaints(eslint: ESLint, filePath: string, text: string): Promise<string[]> {
  const [result] = await eslint.lintText(text, { filePath });
  return result.messages
    .filter(({ ruleId }) => ruleId === 'house/one-way-imports')
    .map(({ message }) => message);
}

describe('the lint rule about imports', function () {
  // TypeScript has to read the whole program first
  this.timeout(60_000);
  let eslint: ESLint;
  before(() => (eslint = new ESLint()));

  const forbidden: [string, string, RegExp][] = [
    ['lib/client/stream.ts', "import '../upstream/link.js';", /lib\/client must not import lib\/upstream/],
    ['lib/upstream/link.ts', "import '../client/stream.js';", /lib\/upstream must not import lib\/client/],
    [
      'lib/upstream/component/dialects/sto-sfrom.ts',
      "export * from '../../../client/stream.js';",
      /must not import lib\/client/,
    ],
    [
      'lib/session/registry.ts',
      "import type { Link } from '../upstream/link.js';",
      /must not import lib\/upstream/,
    ],
    ['lib/xml/reader.ts', "import '../session/registry.js';", /lib\/xml must not import lib\/session/],
    ['lib/net/listener.ts', "void import('../xml/index.js');", /lib\/net must not import lib\/xml/],
    ['lib/server.ts', "import './cli/main.js';", /lib\/server must not import lib\/cli/],
    ['lib/client/stream.ts', "import '../server.js';", /lib\/client must not import lib\/server/],
    ['lib/observe/log.ts', "type T = import('../net/listener.js').Listener;", /must not import lib\/net/],
    ['lib/cli/main.ts', "import 'winston';", /'winston' is imported in lib\/observe\/ only/],
    ['lib/embedded/limits.ts', "import 'better-sqlite3';", /is imported in lib\/store\/ only/],
    ['lib/net/listener.ts', "import 'left-pad/lib';", /'left-pad' has no home in lib/],
    ['lib/config/load.ts', "export { x } from '@scope/name/deep.js';", /'@scope\/name' has no home/],
  ];
  for (const [file, text, complaint] of forbidden) {
    it(`bites ${text} in ${file}`, async () => {
      const found = await complaints(eslint, file, text);
      expect(found).to.have.lengthOf(1);
      expect(found[0]).to.match(complaint);
    });
  }

  const allowed: [string, string][] = [
    ['lib/client/stream.ts', "import '../session/registry.js';"],
    ['lib/client/stream.ts', "import './auth.js';"],
    ['lib/upstream/component/dialects/sto-sfrom.ts', "import '../../../xml/index.js';"],
    ['lib/server.ts', "import './upstream/link.js';"],
    ['lib/cli/users.ts', "import '../embedded/store/store.js';"],
    ['lib/xml/reader.ts', "import '../observe/log.js';"],
    ['lib/net/listener.ts', "import 'node:net';"],
    ['lib/observe/log.ts', "import 'winston';"],
    ['lib/store/sqlite.ts', "import 'better-sqlite3';"],
    ['lib/embedded/store/store.ts', "import '../../store/sqlite.js';"],
  ];
  for (const [file, text] of allowed) {
    it(`allows ${text} in ${file}`, async () => expect(await complaints(eslint, file, text)).to.be.empty);
  }
});
