import { canonical } from '../xmpp/address.js';
import type { Departures } from './departures.js';
import type { Endings } from './endings.js';
import { Login, type LoginContext } from './login.js';
import type { PendingLogins } from './pending-logins.js';
import type { Request } from './requests.js';
import type { SessionTable } from './session-table.js';
import type { Packet, Session } from './session.js';
import type { Authenticator, Upstream } from './upstream.js';

/** Which session gets an address: a login may replace the session that has it, and has to wait for one that is leaving. */
export class Logins implements LoginContext {
  constructor(
    readonly upstream: Upstream,
    readonly authenticator: Authenticator,
    readonly pending: PendingLogins,
    private readonly table: SessionTable,
    private readonly departures: Departures,
    private readonly endings: Endings,
  ) {}

  /** Lets a client that has connected log in. */
  begin(session: Session): void {
    session.login = new Login(session, this);
  }

  postpones(key: string, login: Login): boolean {
    const owner = this.table.owner(key);
    if (owner?.state !== 'leaving') return false;
    this.departures.hurry(owner);
    this.pending.postpone(key, login);
    return true;
  }

  onOpened(session: Session, sessionAddress: string): void {
    session.opened(sessionAddress);
    this.replaceOwner(session.key);
    this.table.own(session);
    session.upstream = this.upstream.attach(session);
    session.login = undefined;
    this.pending.settle(session.address);
  }

  /** No login for an address is under way any more: a session that was leaving may go, or logins that wait may go on. */
  released(key: string, late: Packet | undefined): void {
    const owner = this.table.owner(key);
    if (late && !owner) this.upstream.bounce(late);
    if (owner?.state === 'leaving') this.departures.finishIfDecided(owner);
    else this.pending.resume(key);
  }

  /**
   * Something came for a client that has left while its login was under way. A session that was opened for it goes as it
   * came, but it has replaced another one. It does not go while another login for the address is under way: that may have
   * replaced it already.
   *
   * @returns whether the packet is kept until that is known
   */
  keepsLate(packet: Packet): boolean {
    const request = this.pending.of(packet.to);
    if (!request) return false;
    const key = this.keyOpenedBy(packet, request);
    if (key !== undefined) this.replaceOwner(key);
    this.pending.settle(packet.to);
    return key !== undefined && this.pending.keepLate(key, packet);
  }

  private keyOpenedBy(packet: Packet, request: Request): string | undefined {
    const answer = this.authenticator.read?.(request, packet);
    return answer?.kind === 'opened' ? canonical(answer.sessionAddress) : undefined;
  }

  private replaceOwner(key: string): void {
    const former = this.table.owner(key);
    if (former) this.endings.drop(former, { kind: 'replaced' });
  }
}
