import path from 'node:path';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** The rooms of lib/ and what each may import besides itself, `observe` and `config` (design: imports point one way). */
const ROOMS = {
  observe: [],
  config: [],
  xml: [],
  net: [],
  store: [],
  control: [],
  xmpp: ['xml', 'net'],
  accounts: ['xmpp', 'store'],
  session: ['xmpp', 'xml', 'net'],
  client: ['session', 'accounts', 'xmpp', 'xml', 'net'],
  upstream: ['session', 'xmpp', 'xml', 'net'],
  embedded: ['session', 'accounts', 'xmpp', 'xml', 'net', 'store'],
  scenario: ['xmpp', 'xml', 'net'],
  server: ['client', 'upstream', 'embedded', 'session', 'accounts', 'xmpp', 'xml', 'net'],
  index: ['server', 'client', 'embedded', 'session'],
  cli: [
    'server',
    'control',
    'client',
    'upstream',
    'embedded',
    'scenario',
    'session',
    'accounts',
    'xmpp',
    'store',
    'xml',
    'net',
  ],
};

/** Where each package is imported, and nowhere else, so that it can be replaced there. */
const HOMES = {
  sax: 'lib/xml/',
  'net-keepalive': 'lib/net/',
  'node-forge': 'lib/net/self-signed.ts',
  winston: 'lib/observe/',
  yargs: 'lib/cli/',
  'better-sqlite3': 'lib/store/',
  bcryptjs: 'lib/accounts/crypt/',
  pg: 'lib/accounts/postgres.ts',
  'rate-limiter-flexible': 'lib/net/',
  '@redis/client': 'lib/net/',
};

/** `lib/xml/reader.ts` is in room xml, `lib/server.ts` in room server. */
function roomOf(file) {
  return /(?:^|\/)lib\/([a-z-]+)(?:\/|\.[jt]s$)/.exec(file)?.[1];
}

function wrongRoom(file, specifier) {
  const here = roomOf(file);
  const there = roomOf(path.posix.join(path.posix.dirname(file), specifier));
  if (there === undefined || there === here || there === 'observe' || there === 'config') return undefined;
  if (ROOMS[here]?.includes(there)) return undefined;
  return `lib/${here} must not import lib/${there}: imports point one way (ROOMS in eslint.config.js).`;
}

function wrongHome(file, specifier) {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  if (name.startsWith('node:')) return undefined;
  const home = HOMES[name];
  if (home === undefined) return `'${name}' has no home in lib: give it one in HOMES of eslint.config.js.`;
  return file.startsWith(home) ? undefined : `'${name}' is imported in ${home} only.`;
}

const oneWayImports = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const file = path.relative(context.cwd, context.filename).split(path.sep).join('/');
    const check = ({ source }) => {
      const specifier = source?.value;
      if (typeof specifier !== 'string') return;
      const message = (specifier.startsWith('.') ? wrongRoom : wrongHome)(file, specifier);
      if (message !== undefined) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
      TSImportType: check,
    };
  },
};

export default defineConfig(
  { ignores: ['dist/', 'node_modules/', 'spec/fixtures/', 'data/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
    },
  },
  {
    files: ['**/*.ts', '**/*.js', '**/*.mjs'],
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-fallthrough': 'error',
      'no-unreachable': 'error',
      'no-constant-condition': ['error', { checkLoops: false }],
      'no-self-compare': 'error',
      'no-param-reassign': 'error',
      'object-shorthand': 'error',
    },
  },
  {
    files: ['lib/**/*.ts'],
    plugins: { house: { rules: { 'one-way-imports': oneWayImports } } },
    rules: {
      'house/one-way-imports': 'error',
      // A complete switch over a closed union is one decision, however many cases it has.
      complexity: ['error', { max: 12, variant: 'modified' }],
      'max-lines-per-function': ['error', { max: 60, skipComments: true, skipBlankLines: true }],
      'max-depth': ['error', 4],
      'max-params': ['error', 7],
      'no-console': 'error',
    },
  },
  { files: ['lib/cli/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['spec/**/*.ts', 'bench/**/*.ts'],
    // `expect(x).to.be.true` is an expression; a stub may have nothing to await; a spec may look into what has no type.
    rules: {
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
