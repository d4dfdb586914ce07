import { randomBytes } from 'node:crypto';
import type { RouterTls } from '../../config/config.js';
import type { OwnHeader } from '../../xmpp/framing/framing.js';
import { SASL, TLS } from '../../xmpp/namespaces.js';
import { DigestAnswer, directives } from '../../xmpp/sasl/digest-md5.js';
import { element, type Element, type Stanza, type Tag } from '../../xml/index.js';
import type { HandshakeLink, Handshake } from '../handshake.js';
import { COMPONENT } from './dialect.js';

export interface RouterOptions {
  /** The name to bind. */
  readonly name: string;
  readonly user: string;
  readonly secret: string;
  readonly encryption: RouterTls;
}

const MECHANISM = 'DIGEST-MD5';

/** The answer of the router that is waited for. `features` come again after encryption, and again after SASL. */
type Step =
  'features' | 'proceed' | 'encrypted features' | 'challenge' | 'success' | 'features again' | 'bind';

/**
 * How a component joins the router of jabberd2: encryption, unless that is off or not offered; DIGEST-MD5; a new stream; a name.
 * [jabberd2 2.7.0 router, component.c]
 */
export class RouterHandshake implements Handshake {
  readonly peer = 'the router';
  private step: Step = 'features';
  private answer: DigestAnswer | undefined;

  constructor(private readonly options: RouterOptions) {}

  /** Without a version there are no features, and no SASL. */
  header(): OwnHeader {
    return { version: '1.0' };
  }

  opened(header: Tag, link: HandshakeLink): void {
    if (header.attribute('version') === undefined) {
      return link.fail('its stream header has no version: is this the port of the jabberd2 router?');
    }
    link.expect('no stream features');
  }

  received(packet: Stanza, link: HandshakeLink): void {
    const reply = packet.element();
    if (reply.name === 'failure') return this.refused(reply, link);
    switch (this.step) {
      case 'features':
      case 'encrypted features':
        return this.features(reply, link);
      case 'proceed':
        return this.proceed(reply, link);
      case 'challenge':
        return this.challenged(reply, link);
      case 'success':
        return this.succeeded(reply, link);
      case 'features again':
        return this.bind(reply, link);
      case 'bind':
        return this.bound(reply, link);
    }
  }

  closedEarly(): string {
    if (!this.isBeforeSasl) return `closed by peer before its answer (${this.step})`;
    return 'closed by peer before its stream features (rate limit, or not the port of the jabberd2 router?)';
  }

  /** A port for clients refuses a header without a domain. */
  explain(): string | undefined {
    return this.isBeforeSasl ? 'is this the port of the jabberd2 router?' : undefined;
  }

  private get isBeforeSasl(): boolean {
    return this.step === 'features' || this.step === 'encrypted features';
  }

  private features(reply: Element, link: HandshakeLink): void {
    if (reply.localName !== 'features') return unexpected(reply, 'features', link);
    const offered = reply.child('starttls') !== undefined;
    const { encryption } = this.options;
    const isPlain = this.step === 'features';
    if (isPlain && offered && encryption !== 'off') {
      this.step = 'proceed';
      link.expect('no answer to starttls');
      return link.send(`<starttls xmlns='${TLS}'/>`);
    }
    if (isPlain && encryption === 'required') {
      return link.fail('the router offers no encryption, and --router-tls requires it');
    }
    this.authenticate(reply, link);
  }

  private proceed(reply: Element, link: HandshakeLink): void {
    if (reply.name !== 'proceed') return unexpected(reply, this.step, link);
    this.step = 'encrypted features';
    link.encrypt();
  }

  private authenticate(features: Element, link: HandshakeLink): void {
    const offered = features.child('mechanisms')?.elements.map(({ text }) => text) ?? [];
    if (!offered.includes(MECHANISM)) {
      const found = offered.length > 0 ? offered.join(', ') : 'nothing';
      return link.fail(
        `it does not offer ${MECHANISM} but ${found}: is this the port of the jabberd2 router?`,
      );
    }
    this.step = 'challenge';
    link.expect('no challenge');
    link.send(`<auth xmlns='${SASL}' mechanism='${MECHANISM}'/>`);
  }

  private challenged(reply: Element, link: HandshakeLink): void {
    if (reply.name !== 'challenge') return unexpected(reply, this.step, link);
    const { user, secret } = this.options;
    const challenge = directives(decode(reply));
    // The router crashes on an empty one. [jabberd2 2.7.0 _sx_sasl_open]
    if (challenge.get('realm') === '') return link.fail('its challenge names no realm');
    try {
      this.answer = new DigestAnswer(challenge, {
        username: user,
        password: secret,
        uri: 'jabberd-router/sm-component',
        cnonce: randomBytes(16).toString('base64'),
      });
    } catch (error) {
      return link.fail((error as Error).message);
    }
    this.step = 'success';
    link.expect('no answer to our response');
    const response = Buffer.from(this.answer.text).toString('base64');
    link.send(element('response', { xmlns: SASL }, response).toString());
  }

  /** The success holds the proof that the router knows the secret as well. */
  private succeeded(reply: Element, link: HandshakeLink): void {
    if (reply.name !== 'success') return unexpected(reply, this.step, link);
    if (!this.answer!.isProof(directives(decode(reply)).get('rspauth'))) {
      return link.fail(
        'the router does not know the secret, so it may be a different router (rspauth is wrong)',
      );
    }
    this.step = 'features again';
    link.restart();
  }

  private bind(reply: Element, link: HandshakeLink): void {
    if (reply.localName !== 'features') return unexpected(reply, this.step, link);
    this.step = 'bind';
    link.expect('no answer to our bind');
    link.send(element('bind', { xmlns: COMPONENT, name: this.options.name }).toString());
  }

  private bound(reply: Element, link: HandshakeLink): void {
    if (reply.name !== 'bind') return;
    const error = reply.attribute('error');
    if (error === undefined) return link.up();
    const reason = BIND_ERRORS[error] ?? 'it gives no other reason';
    link.giveUp(`the router refuses the name ${this.options.name} (${error}): ${this.hint(reason)}`);
  }

  private hint(reason: string): string {
    return reason.replace('USER', this.options.user);
  }

  private refused(failure: Element, link: HandshakeLink): void {
    if (this.step === 'proceed') return link.fail('the router refuses encryption');
    const condition = failure.elements[0]?.localName ?? 'no reason given';
    const detail = failure.childText('text');
    const sentence = `the router says: ${condition}${detail ? `, ${detail.slice(0, 200)}` : ''}`;
    if (condition !== 'not-authorized') return link.fail(sentence);
    link.fail(
      `the secret of the router user ${this.options.user} is wrong, or there is no such user (${sentence})`,
    );
  }
}

/** The meaning of the `error` of a bind, and what to do. [jabberd2 2.7.0 router/router.c] */
const BIND_ERRORS: Record<string, string> = {
  400: 'this name cannot be bound',
  403: 'the user USER may bind only its own name, unless <aci/> in router.xml allows more',
  409: 'another component has it; is the stock c2s, or another sm-component, running under that name? Give each its own --name',
};

function unexpected(reply: Element, step: Step, link: HandshakeLink): void {
  link.fail(`<${reply.name}> where its ${step} was expected`);
}

function decode(reply: Element): string {
  return Buffer.from(reply.text.trim(), 'base64').toString('utf8');
}
