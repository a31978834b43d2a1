/**
 * Client of Interdict, the screening of addresses, for Node and browsers.
 *
 *     const interdict = new Interdict("https://interdict.internal:8080", key);
 *     const decision = await interdict.check({ address, direction: "withdrawal", network: "ethereum" });
 *     switch (decision.kind) {
 *       case "clear": return send();
 *       case "listed": return stop(decision.action, decision.answer.matches);
 *       case "unanswered": return hold(decision.error);
 *     }
 *
 * A decision is never a boolean, null or undefined, and check never rejects: the only way to let a transfer through is to compare kind with "clear", which
 * needs a complete answer to this very question. Addresses are sent as they are given: never change their letters.
 */
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type { components, paths } from "./schema.js";

/** One address of a transfer. */
export type Check = components["schemas"]["Check"];
/** The answer to a check, as the service sent it. */
export type Answer = components["schemas"]["CheckAnswer"];
/** The answer to a look-up: without direction and action. */
export type LookUp = components["schemas"]["LookUpAnswer"];
/** An error of the service. */
export type Problem = components["schemas"]["Problem"];

/** The outcome of a check. */
export type Decision =
  /** The address was understood, and no fresh list has it. */
  | { readonly kind: "clear"; readonly action: "allow"; readonly answer: Answer }
  /** A list has the address. Do what action says; the policy of a list may say "allow" even then. */
  | { readonly kind: "listed"; readonly action: Answer["action"]; readonly answer: Answer }
  /** There is no answer: do not credit, do not send, ask again. */
  | { readonly kind: "unanswered"; readonly action: "hold"; readonly error: InterdictError };

/** Why there is no answer. */
export class InterdictError extends Error {
  /** Status of the answer; 0 if there was none. */
  readonly status: number;
  /** Stable code, such as "invalid_address" or "stale"; "" if the answer is not one of Interdict. */
  readonly code: string;
  /** The whole error of the service, if it sent one. */
  readonly problem: Problem | undefined;
  /** Seconds to wait before the next attempt; 0 if the service did not say. */
  readonly retryAfter: number;

  constructor(message: string, status = 0, problem?: Problem, retryAfter = 0) {
    super(message);
    this.name = "InterdictError";
    this.status = status;
    this.code = problem?.code ?? "";
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

export interface Options {
  /** Milliseconds that one attempt may take; 2,000 by default. */
  timeout?: number;
  /** How often a check is asked again after a failed connection, 429, 502, 503 or 504; once by default. */
  retries?: number;
  /** fetch of another library; the global one by default. */
  fetch?: typeof globalThis.fetch;
}

/** How many checks one request holds; checkAll sends several if there are more. */
export const maxBatch = 1000;

/** Asks one Interdict service. */
export class Interdict {
  readonly #client: Client<paths>;
  readonly #retries: number;
  readonly #timeout: number;

  constructor(base: string, key: string, options: Options = {}) {
    const url = new URL(base);
    if (!/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "" || url.hash !== "") {
      throw new TypeError("base must be an http or https URL without user, query and fragment");
    }
    this.#timeout = options.timeout ?? 2000;
    this.#retries = options.retries ?? 1;
    this.#client = createClient<paths>({
      baseUrl: base.replace(/\/+$/, ""),
      headers: { Authorization: `Bearer ${key}` },
      redirect: "error",
      ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
    });
  }

  /** Screens one address of a transfer. It never rejects. */
  async check(check: Check): Promise<Decision> {
    try {
      return decide(await this.#send((signal) => this.#client.POST("/v1/check", { body: check, signal })), check);
    } catch (error) {
      return unanswered(error);
    }
  }

  /** Screens many addresses. Decision i is for check i; one that fails does not fail the others. It never rejects. */
  async checkAll(checks: readonly Check[]): Promise<Decision[]> {
    const out: Decision[] = [];
    for (let i = 0; i < checks.length; i += maxBatch) {
      out.push(...(await this.#checkBatch(checks.slice(i, i + maxBatch))));
    }
    return out;
  }

  async #checkBatch(checks: Check[]): Promise<Decision[]> {
    try {
      const answer = await this.#send((signal) => this.#client.POST("/v1/checks", { body: { checks }, signal }));
      const results: unknown = isObject(answer) ? answer["results"] : undefined;
      if (!Array.isArray(results) || results.length !== checks.length) {
        throw new InterdictError("the service did not answer each check");
      }
      return checks.map((check, i) => {
        const item: unknown = results[i];
        if (isObject(item) && "error" in item) {
          return unanswered(problemOf(item["error"], 0, 0));
        }
        try {
          return decide(item, check);
        } catch (error) {
          return unanswered(error);
        }
      });
    } catch (error) {
      return checks.map(() => unanswered(error));
    }
  }

  /** Screens an address without a transfer: the answer has no action, and allows nothing. It rejects with an InterdictError. */
  async lookUp(address: string, network?: string): Promise<LookUp> {
    const query = network === undefined ? {} : { network };
    const answer = await this.#send((signal) => this.#client.GET("/v1/addresses/{address}", { params: { path: { address }, query }, signal }));
    return read(answer, address, undefined) as LookUp;
  }

  async #send(attempt: (signal: AbortSignal) => Promise<{ data?: unknown; error?: unknown; response: Response }>): Promise<unknown> {
    for (let n = 0; ; n++) {
      let failure: InterdictError;
      try {
        const { data, error, response } = await attempt(AbortSignal.timeout(this.#timeout));
        if (response.ok && data !== undefined) {
          return data;
        }
        const after = Number(response.headers.get("Retry-After") ?? 0);
        failure = problemOf(error, response.status, Number.isFinite(after) ? after : 0);
      } catch {
        failure = new InterdictError("the service cannot be reached, or its answer is not JSON"); // the cause may show the request
      }
      const again = failure.status === 0 || [429, 502, 503, 504].includes(failure.status);
      if (!again || n >= this.#retries || failure.retryAfter * 1000 > this.#timeout) {
        throw failure;
      }
      await new Promise((done) => setTimeout(done, Math.max(failure.retryAfter * 1000, 50 * (n + 1))));
    }
  }
}

function unanswered(error: unknown): Decision {
  return { kind: "unanswered", action: "hold", error: error instanceof InterdictError ? error : new InterdictError("the check failed") };
}

function decide(value: unknown, check: Check): Decision {
  const answer = read(value, check.address, check.direction) as Answer;
  if (answer.result === "hit") {
    return { kind: "listed", action: answer.action, answer };
  }
  return { kind: "clear", action: "allow", answer };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function problemOf(value: unknown, status: number, retryAfter: number): InterdictError {
  if (!isObject(value) || typeof value["code"] !== "string") {
    return new InterdictError(`the service answered ${status}, which is not an error of Interdict`, status, undefined, retryAfter);
  }
  const problem = value as unknown as Problem;
  const text = [problem.code, problem.reason, problem.detail].filter((part) => part !== undefined && part !== "").join(": ");
  return new InterdictError(text, status === 0 ? problem.status : status, problem, retryAfter);
}

/** Reads an answer. Anything but a complete answer to this very question is an error. */
function read(value: unknown, address: string, direction: Check["direction"] | undefined): Answer | LookUp {
  const need = (ok: boolean, why: string): void => {
    if (!ok) {
      throw new InterdictError(`the answer is not an answer to this check: ${why}`);
    }
  };
  need(isObject(value), "it is not an object");
  const a = value as Record<string, unknown>;
  const { result, action, matches, screened, address: asked } = a;
  need(result === "hit" || result === "miss", "its result is neither hit nor miss");
  need(typeof a["check_id"] === "string" && a["check_id"].length === 36, "it has no check_id");
  need(isObject(asked) && asked["input"] === address && typeof asked["canonical"] === "string" && asked["canonical"] !== "" && a["direction"] === direction,
    "it is about another address or direction");
  need(isObject(screened) && ["generation", "lists", "listings"].every((k) => typeof screened[k] === "number" && (screened[k] as number) > 0), "it does not say what was screened");
  need(Array.isArray(matches) && (result === "hit") === matches.length > 0, "its matches contradict its result");
  const actions: unknown[] = direction === undefined ? [undefined] : result === "hit" ? ["allow", "review", "freeze", "reject"] : ["allow"];
  need(actions.includes(action), "its action contradicts its result");
  return value as Answer | LookUp;
}
