interface Request<Answer> {
  /** Whom it was sent to. */
  readonly about: string;
  readonly settle: (answer: Answer | undefined) => void;
  readonly timer: NodeJS.Timeout;
}

/** Requests of which is remembered that they were given up. */
const MAX_GIVEN_UP = 1_000;

/** Requests that are under way, by their ids. Each is answered once: by the peer, or with undefined. */
export class Requests<Answer> {
  private readonly waiting = new Map<string, Request<Answer>>();

  private readonly givenUp = new Set<string>();

  /** @param patience how long an answer is waited for, in milliseconds */
  constructor(private readonly patience: number) {}

  /**
   * A request has been sent.
   *
   * @param settle is called with the answer while that is being read: what comes behind it may depend on it
   */
  add(id: string, about: string, settle: (answer: Answer | undefined) => void): void {
    const timer = setTimeout(() => this.answer(id, undefined), this.patience).unref();
    this.waiting.set(id, { about, settle, timer });
  }

  /** @returns whether somebody waited for it */
  answer(id: string, answer: Answer | undefined): boolean {
    const request = this.waiting.get(id);
    if (!request) return false;
    clearTimeout(request.timer);
    this.waiting.delete(id);
    if (answer === undefined) this.forgo(id);
    request.settle(answer);
    return true;
  }

  /** Is that the id of a request whose answer was not waited for to the end? Says so once. */
  wasGivenUp(id: string): boolean {
    return this.givenUp.delete(id);
  }

  /** An answer that comes after all means nothing. */
  forget(id: string): void {
    this.givenUp.delete(id);
  }

  private forgo(id: string): void {
    if (this.givenUp.size >= MAX_GIVEN_UP) this.givenUp.clear();
    this.givenUp.add(id);
  }

  /** No answer will come: to all of them, or to some. */
  giveUp(which: (request: { readonly about: string }) => boolean = () => true): void {
    for (const [id, request] of this.waiting) if (which(request)) this.answer(id, undefined);
  }
}
