import { didYouMean } from '../config/error.js';
import { withoutByteOrderMark } from '../config/text.js';
import { DocumentError, parseFragment, type Document, type Namespaces } from '../xml/index.js';
import { ScriptError, type ScriptAction, type Character, type ScriptNote, type Script } from './script.js';
import { quotableVariables } from './variables.js';
import { checkPlaceholders, type ParsedAction } from './placeholders.js';
import { CLIENT, STREAMS } from '../xmpp/namespaces.js';

/** The namespaces that scripts use without declaring them. */
const DEFAULT_NAMESPACES: Namespaces = new Map([
  ['', CLIENT],
  ['stream', STREAMS],
]);

const VERBS = ['connects', 'disconnects', 'sends', 'receives'] as const;
type Verb = (typeof VERBS)[number];

const SEPARATOR = /^-{3,}\s*$/;
const CHARACTER = /^\[\s*([^\]]*?)\s*\]\s*(.*?)\s*$/;
const PROPERTY = /^([\w-]+)\s*[:=]\s*(.*?)\s*$/;
const PROPERTIES = ['jid', 'password', 'resource', 'connect_host', 'connect_port'];

/** The text of an action: the rest of its line, and the lines that belong to it. */
interface Block {
  readonly who: Character;
  readonly verb: Verb;
  readonly line: number;
  readonly data: string[];
  /** So many of its lines are known to be an incomplete stanza. */
  open: number;
}

interface Draft {
  readonly name: string;
  readonly line: number;
  readonly properties: Map<string, string>;
}

/** @throws {ScriptError} for the first mistake */
export function parseScript(file: string, text: string): Script {
  return new Parser(file, text).script();
}

/** A script that is cut off or empty must not count as passed. */
function nothingToPlay([first]: readonly Character[]): string {
  return first
    ? `no action to play: "${first.name} connects" may be the first`
    : 'nothing to play: a script needs characters ([Client] Romeo) and actions (Romeo connects)';
}

/** A line with only a comment. Some authors write `//` and `--`; where these are indented they may be part of a text. */
function isComment(line: string): boolean {
  return /^\s*#/.test(line) || line.startsWith('//') || /^--(?![->])/.test(line);
}

/** The same outside of stanzas, where there can be no text. */
const isCommentOutside = (line: string): boolean => isComment(line.trim());

class Parser {
  private title = '';
  private readonly tags = new Map<string, string>();
  private readonly drafts: Draft[] = [];
  private readonly notes: ScriptNote[] = [];
  private readonly blocks: Block[] = [];
  private characters: Character[] | undefined;
  private readonly lastLine: number;

  constructor(
    private readonly file: string,
    text: string,
  ) {
    const lines = withoutByteOrderMark(text).split(/\r\n|\r|\n/);
    this.lastLine = Math.max(1, lines.findLastIndex((line) => line.trim() !== '') + 1);
    for (const [at, line] of lines.entries()) {
      if (this.characters) this.actionLine(line, at + 1, this.characters);
      else this.topLine(line, at + 1);
    }
  }

  script(): Script {
    const { file, title, tags, notes } = this;
    const characters = this.characters ?? this.finishTop();
    if (this.blocks.length === 0) this.fail(this.lastLine, nothingToPlay(characters));
    const parsed = this.blocks.flatMap((block) => this.finish(block));
    checkPlaceholders(file, characters, parsed);
    return { file, title, tags, characters, actions: parsed.map(({ action }) => action), notes };
  }

  private fail(line: number, what: string): never {
    throw new ScriptError(this.file, line, what);
  }

  private topLine(line: string, number: number): void {
    const text = line.trim();
    if (text === '') return;
    if (isComment(line)) return this.topComment(text);
    if (SEPARATOR.test(line)) return void (this.characters = this.finishTop());
    const [whole, kind, name] = CHARACTER.exec(text) ?? [];
    if (whole !== undefined) return this.beginCharacter(kind, name, number);
    if (this.isAction(text)) {
      this.notes.push({
        line: number,
        text: 'a line of dashes is missing between the characters and the first action',
      });
      return this.actionLine(line, number, (this.characters = this.finishTop()));
    }
    this.property(text, number);
  }

  private topComment(text: string): void {
    const [, name, value] = /^##\s*([^\s:#][^:]*?)\s*(?::\s*(.*))?$/.exec(text) ?? [];
    if (name !== undefined) this.tags.set(name, value ?? '');
    else if (this.drafts.length === 0 && text.startsWith('#')) this.title ||= text.replace(/^#+\s*/, '');
  }

  private beginCharacter(kind: string, name: string, line: number): void {
    if (kind !== 'Client') this.fail(line, `a character of the class [${kind}]: only [Client] is supported`);
    if (name === '') this.fail(line, 'a character without a name: [Client] Romeo');
    if (this.drafts.some((draft) => draft.name === name))
      this.fail(line, `a second character called ${name}`);
    this.drafts.push({ name, line, properties: new Map() });
  }

  private property(text: string, line: number): void {
    const draft = this.drafts.at(-1);
    const [, name, value] = PROPERTY.exec(text) ?? [];
    if (name === undefined || !draft) {
      this.fail(line, 'not a comment, a [Client], a "key: value" line, or a line of dashes');
    }
    if (!PROPERTIES.includes(name)) {
      const near = didYouMean(name, PROPERTIES);
      this.notes.push({
        line,
        text: `${draft.name} has an unknown property "${name}"${near}; it is ignored`,
      });
    }
    draft.properties.set(name, value);
  }

  private finishTop(): Character[] {
    return this.drafts.map((draft) => this.character(draft));
  }

  private character({ name, line, properties }: Draft): Character {
    const jid = properties.get('jid') ?? this.fail(line, `${name} has no jid: jid: user@localhost`);
    const [, user, domain, resource] = /^([^@/\s]+)@([^@/\s]+)(?:\/(.+))?$/.exec(jid) ?? [];
    if (user === undefined) this.fail(line, `the jid of ${name} is not user@domain: ${jid}`);
    const port = properties.get('connect_port');
    if (port !== undefined && !(Number(port) > 0 && Number(port) < 65536)) {
      this.fail(line, `connect_port of ${name} is not a port: ${port}`);
    }
    return {
      name,
      line,
      user,
      domain,
      resource: properties.get('resource') ?? resource ?? '',
      password: properties.get('password'),
      host: properties.get('connect_host'),
      port: port === undefined ? undefined : Number(port),
    };
  }

  private actionLine(line: string, number: number, characters: readonly Character[]): void {
    const block = this.blocks.at(-1);
    const text = line.trim();
    if (text === '' || isComment(line) || SEPARATOR.test(line)) return void block?.data.push('');
    if (block && belongsTo(block, line, characters)) return void block.data.push(line);
    if (/^\s/.test(line) && isCommentOutside(line)) return;
    this.blocks.push(this.beginBlock(text, number, characters));
  }

  private isAction(text: string): boolean {
    return verbIn(text, this.drafts) !== undefined;
  }

  private beginBlock(text: string, line: number, characters: readonly Character[]): Block {
    const who = longestName(characters, text);
    if (!who) this.fail(line, unknownCharacter(text, characters));
    const rest = text.slice(who.name.length).trim();
    const [, word, data] = /^([^\s:<]*)\s*:?\s*([^]*)$/.exec(rest)!;
    const verb = VERBS.find((one) => one === word);
    if (!verb) {
      const wanted = `${who.name} ${VERBS.slice(0, -1).join(', ')} or ${VERBS.at(-1)}`;
      this.fail(
        line,
        `${wanted}; ${word === '' ? 'a verb is missing' : `not "${word}"`}${didYouMean(word, VERBS)}`,
      );
    }
    if (data !== '' && verb.endsWith('connects')) this.fail(line, `${verb} takes nothing, not "${data}"`);
    return { who, verb, line, data: [data], open: 0 };
  }

  private finish(block: Block): ParsedAction[] {
    const { who, verb, line, data } = block;
    const parsed = (action: ScriptAction): ParsedAction => ({ action, source: data, lines: new Map() });
    if (verb === 'connects' || verb === 'disconnects') return [parsed({ who, line, kind: verb })];
    if (verb === 'receives' && data.join('').trim() === 'nothing')
      return [parsed({ who, line, kind: 'receives nothing' })];
    const { root, lines } = this.stanzas(block);
    if (root.elements.length === 0)
      this.fail(line, `${who.name} ${verb} what? A stanza has to follow, indented`);
    return root.elements.map((stanza) => ({ ...parsed({ who, line, kind: verb, stanza }), lines }));
  }

  /** The stanzas of a block, with their lines. */
  private stanzas({ data, line }: Block): Document {
    const read = readStanzas(data.join('\n'), line);
    if (read instanceof DocumentError) this.fail(read.line, `malformed XML: ${read.message}`);
    for (const { text, line: begin } of read.texts) {
      const lines = text.split('\n');
      const stray = lines.findIndex((one) => one.trim() !== '' && !isCommentOutside(one));
      if (stray >= 0) this.fail(begin + stray, `text outside of a stanza: ${lines[stray].trim()}`);
    }
    return read;
  }
}

/** The stanzas of a block that begins in this line, as children of one element; or the error in them. */
function readStanzas(text: string, line: number): Document | DocumentError {
  try {
    return parseFragment(quotableVariables(text), DEFAULT_NAMESPACES, line);
  } catch (error) {
    if (error instanceof DocumentError) return error;
    throw error;
  }
}

/** Does a line belong to the action above it? It does where it is indented, is XML, or continues an incomplete stanza. */
function belongsTo(block: Block, line: string, characters: readonly Character[]): boolean {
  if (block.verb !== 'sends' && block.verb !== 'receives') return false;
  return /^[\s<]/.test(line) || (!verbIn(line, characters) && isUnfinished(block));
}

/** What may end a stanza: `</…>`, `/>`, or a `>` that belongs to the line before. */
const END = /<\/|\/>|^\s*>/;

/** Is the last stanza incomplete? It is parsed again only after a line that may end it: parsing it for each line takes too long. */
function isUnfinished(block: Block): boolean {
  const { data, open } = block;
  const still = open > 0 && !data.slice(open).some((line) => END.test(line));
  block.open = still || readStanzas(data.join('\n'), 0) instanceof DocumentError ? data.length : 0;
  return block.open > 0;
}

/** The verb after the name at the beginning of a line. */
function verbIn(text: string, all: readonly { readonly name: string }[]): Verb | undefined {
  const who = longestName(all, text);
  return who && verbAfter(who, text);
}

function verbAfter({ name }: { readonly name: string }, text: string): Verb | undefined {
  const [word] = text
    .slice(name.length)
    .trim()
    .split(/[\s:<]/, 1);
  return VERBS.find((verb) => verb === word);
}

/** "Juliet's phone sends" is about the character "Juliet's phone", not "Juliet", unless only "Juliet" is followed by a verb. */
function longestName<T extends { readonly name: string }>(all: readonly T[], text: string): T | undefined {
  const named = all
    .filter(({ name }) => text.startsWith(name) && !/^[^\s:]/.test(text.slice(name.length)))
    .sort((a, b) => b.name.length - a.name.length);
  return named.find((one) => verbAfter(one, text)) ?? named[0];
}

function unknownCharacter(text: string, characters: readonly Character[]): string {
  const names = characters.map(({ name }) => name);
  const [, subject] = /^(.*?)\s+(?:connects|disconnects|sends|receives)\b/.exec(text) ?? [];
  if (subject === undefined)
    return `not an action: it begins with no known client (known clients: ${names.join(', ') || 'none'})`;
  return `unknown client ${subject}${didYouMean(subject, names)} (known clients: ${names.join(', ') || 'none'})`;
}
