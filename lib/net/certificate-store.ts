import { stat } from 'node:fs/promises';
import type { Log } from '../observe/log.js';
import { endOf, hostNames, warningOf } from './certificates.js';
import { TlsContexts, type TlsSettings } from './tls-contexts.js';
import type { TlsOptions } from './tls.js';

/** From one look at the files to the next, in milliseconds. */
const LOOK_MS = 10_000;
/** From one warning of certificates that end soon to the next, in milliseconds. */
const WARNING_MS = 86_400_000;

/**
 * The certificates of a server while it runs: read at the start, again at {@link reload}, and again when their files have
 * changed. Those in force stay where the new ones cannot be used. Connections keep what they were made with.
 */
export class CertificateStore {
  private contexts: TlsContexts;
  /** What the system says of the files: when they were read, and at the last look. */
  private readState: string | undefined;
  private seenState: string | undefined;
  private looks: NodeJS.Timeout | undefined;
  private warnings: NodeJS.Timeout | undefined;

  /**
   * @param hosts those that are served; what no certificate is for is warned of
   * @throws {ConfigError} that names what cannot be used
   */
  constructor(
    private readonly settings: TlsSettings,
    private readonly hosts: readonly string[],
    private readonly log: Log,
  ) {
    this.contexts = TlsContexts.read(settings);
  }

  /** See {@link TlsContexts.forHost}. */
  forHost(host: string | undefined): TlsOptions {
    return this.contexts.forHost(host);
  }

  /** See {@link TlsContexts.direct}. */
  direct(): TlsOptions {
    return this.contexts.direct();
  }

  /** Warns of what is wrong with the certificates, and looks at their files from now on. */
  start(lookMs = LOOK_MS): void {
    for (const warning of certificateWarnings(this.contexts, this.hosts)) this.log.warn(warning);
    this.warnings = setInterval(() => this.warnOfEnds(), WARNING_MS).unref();
    void this.watch(lookMs);
  }

  stop(): void {
    clearInterval(this.looks);
    clearInterval(this.warnings);
  }

  /** Reads all files again. Where one cannot be used, nothing changes, and the log says so. */
  reload(): void {
    try {
      this.contexts = TlsContexts.read(this.settings);
    } catch (error) {
      return this.log.error('the certificates are not read again, those in force stay', {
        error: (error as Error).message,
      });
    }
    for (const certificate of this.contexts.certificates) {
      const { file, leaf } = certificate;
      this.log.info('certificate read', { file, hosts: hostNames(leaf).join(','), ends: endOf(certificate) });
    }
    for (const warning of certificateWarnings(this.contexts, this.hosts)) this.log.warn(warning);
  }

  private warnOfEnds(): void {
    for (const certificate of this.contexts.certificates) {
      const warning = warningOf(certificate);
      if (warning !== undefined) this.log.warn(warning);
    }
  }

  private async watch(lookMs: number): Promise<void> {
    this.readState = this.seenState = await this.state();
    this.looks = setInterval(() => void this.look(), lookMs).unref();
  }

  /** What changes is read when it has not changed any more for one look: until then it may be half there. */
  private async look(): Promise<void> {
    const state = await this.state();
    const isStill = state === this.seenState;
    this.seenState = state;
    if (!isStill || state === this.readState) return;
    this.readState = state;
    this.reload();
  }

  /** By polling, which also follows links that are changed, as certbot and Kubernetes do, and works on any file system. */
  private async state(): Promise<string> {
    const { certificates, keys, clientCa } = this.settings;
    const files = [...certificates, ...keys, ...(clientCa === undefined ? [] : [clientCa])];
    const states = files.map((file) =>
      stat(file).then(
        ({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`,
        () => 'missing',
      ),
    );
    return (await Promise.all(states)).join('\n');
  }
}

/** What a person should know of certificates that can be used: those that end soon, hosts that none is for. */
export function certificateWarnings(contexts: TlsContexts, hosts: readonly string[]): string[] {
  const ends = contexts.certificates.map((certificate) => warningOf(certificate));
  const uncovered = hosts.filter((host) => !contexts.covers(host));
  const missing =
    uncovered.length === 0
      ? undefined
      : `no certificate is for ${uncovered.join(', ')}: clients of ${uncovered.length === 1 ? 'that host' : 'those hosts'} ` +
        'are shown one that they refuse; give one more --tls-cert';
  return [...ends, missing].filter((warning) => warning !== undefined);
}
