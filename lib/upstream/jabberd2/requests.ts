interface Request<Answer> {
  /** The name it was sent to. */
  readonly to: string;
  readonly onAnswer: (answer: Answer | undefined) => void;
  readonly timer: NodeJS.Timeout;
}

/** Requests that are remembered after they were given up. */
const MAX_GIVEN_UP = 1_000;

/** Requests under way, by their ids. Each is answered once: by the peer, or with undefined where no answer comes. */
export class Requests<Answer> {
  private readonly waiting = new Map<string, Request<Answer>>();
  private readonly givenUp = new Set<string>();

  /** @param timeout how long an answer is waited for, in milliseconds */
  constructor(private readonly timeout: number) {}

  /**
   * A request has been sent.
   *
   * @param onAnswer called while the answer is being read, because packets after it may depend on it
   */
  add(id: string, to: string, onAnswer: (answer: Answer | undefined) => void): void {
    const timer = setTimeout(() => this.answer(id, undefined), this.timeout).unref();
    this.waiting.set(id, { to, onAnswer, timer });
  }

  /** @returns whether an answer to that id was waited for */
  answer(id: string, answer: Answer | undefined): boolean {
    const request = this.waiting.get(id);
    if (!request) return false;
    clearTimeout(request.timer);
    this.waiting.delete(id);
    if (answer === undefined) this.remember(id);
    request.onAnswer(answer);
    return true;
  }

  /** Is that the id of a request that was given up? Says so once. */
  wasGivenUp(id: string): boolean {
    return this.givenUp.delete(id);
  }

  /** A late answer to a request that was given up means nothing. */
  forget(id: string): void {
    this.givenUp.delete(id);
  }

  /** No answers come any more: from one name, or from any. */
  giveUp(name?: string): void {
    for (const [id, { to }] of this.waiting)
      if (name === undefined || to === name) this.answer(id, undefined);
  }

  private remember(id: string): void {
    if (this.givenUp.size >= MAX_GIVEN_UP) this.givenUp.clear();
    this.givenUp.add(id);
  }
}
