import { limits } from '../../config.js';
import { StoreUnavailableError } from '../../errors.js';
import type { StatementWatch } from '../session.js';

/**
 * Bounds how long a statement waits for a Postgres that has fallen silent: a host that hangs, a network that swallows packets. libpq
 * waits for its answer without end and can't be interrupted, so while a statement takes long another connection asks whether
 * anybody is there. A statement that merely takes its time is left alone.
 */
export class CatalogWatch implements StatementWatch {
  readonly #where: string;
  readonly #answers: (timeoutMs: number) => Promise<boolean>;
  /** One question at a time, shared by all statements that wait. */
  #asking: Promise<boolean> | undefined;
  /** It was silent when last asked: nothing new is begun before it has answered, since each would hold a thread. */
  #silent = false;

  /** @param answers whether the server says anything within the time; never rejects. */
  constructor(where: string, answers: (timeoutMs: number) => Promise<boolean>) {
    this.#where = where;
    this.#answers = answers;
  }

  async before(): Promise<void> {
    if (this.#silent && !(await this.#ask())) throw this.#error();
  }

  during(isOver: Promise<void>): Promise<never> {
    return new Promise((_, reject) => {
      let over = false;
      let timer: NodeJS.Timeout;
      const look = async (silences: number): Promise<void> => {
        const now = (await this.#ask()) ? 0 : silences + 1;
        if (over) return;
        if (now >= limits.catalogSilencesMax) reject(this.#error());
        else timer = setTimeout(() => void look(now), limits.catalogAskEveryMs);
      };
      timer = setTimeout(() => void look(0), limits.catalogQuietMs);
      void isOver.then(() => {
        over = true;
        clearTimeout(timer);
      });
    });
  }

  #ask(): Promise<boolean> {
    this.#asking ??= this.#answers(limits.catalogAnswerMaxMs).then((answered) => {
      this.#asking = undefined;
      this.#silent = !answered;
      return answered;
    });
    return this.#asking;
  }

  #error(): StoreUnavailableError {
    return new StoreUnavailableError('Postgres does not answer', {
      where: this.#where,
      mend: 'see that it runs and is not overloaded, and that no firewall is between; it is tried again',
    });
  }
}
