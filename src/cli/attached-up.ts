import { LABEL, type Plan, type Request, type Step, withDependencies } from "../planner/index.ts";
import type { LoadResult, Stack } from "../spec/index.ts";
import { askStack } from "./ask-stack.ts";
import { CliError, ExitWith } from "./cli-error.ts";
import type { AttachFlags } from "./commands/up.ts";
import type { Context } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { followStack } from "./follow-stack.ts";
import { messageOf } from "./render/error.ts";
import { LogLines, shortName } from "./render/log-lines.ts";
import { paint } from "./render/paint.ts";
import { openProgressView, type ProgressView, progressType } from "./render/progress-view.ts";
import { stackContainers } from "./stack-containers.ts";
import { watchedServices, watchStack } from "./watch/watch-stack.ts";

export interface AttachedUpOptions {
  readonly stack: Stack;
  readonly placeOf: LoadResult["placeOf"];
  readonly request: Request & { readonly do: "up" };
  readonly flags: AttachFlags & { readonly timeout?: number };
}

/**
 * `up` in the foreground: output of the containers until none runs any more. The first interrupt stops them in
 * order, the second kills them. Resolves to the exit code.
 */
export async function attachedUp(context: Context, options: AttachedUpOptions): Promise<number> {
  const wantsMenu = options.flags.menu ?? /^(?:1|t|true)$/i.test(context.io.env["COMPOSE_MENU"] ?? "");
  if (wantsMenu) context.note("There is no menu of keys: --watch watches, Ctrl-C stops");
  const session = new AttachedSession(context, options);
  process.on("SIGINT", session.interrupt);
  process.on("SIGTERM", session.interrupt);
  try {
    return await session.run();
  } finally {
    process.off("SIGINT", session.interrupt);
    process.off("SIGTERM", session.interrupt);
  }
}

class AttachedSession {
  readonly #context: Context;
  readonly #options: AttachedUpOptions;
  readonly #attached: ReadonlySet<string>;
  readonly #lines: LogLines;
  /** Cancels the pass that brings the stack up. */
  readonly #upAbort = new AbortController();
  /** Ends the following of output. */
  readonly #end = new AbortController();
  readonly #stopped = new AbortController();
  #interrupts = 0;
  #stopping: Promise<void> | undefined;
  #cascadeCode: number | undefined;
  /** Containers that the pass itself ends: to put others in their place, or to start them again. */
  readonly #endedByPlan = new Set<string>();
  /** Of those, the ones that it has stopped and starts again: their next end is their own. */
  readonly #returning = new Set<string>();
  #isAnnounced = false;
  /** Whether a change of watched files is being worked on: what ends then starts again. */
  #isRefreshing = false;

  constructor(context: Context, options: AttachedUpOptions) {
    this.#context = context;
    this.#options = options;
    this.#attached = attachedServices(options);
    const { flags } = options;
    this.#lines = new LogLines({
      stdout: context.io.stdout,
      stderr: context.io.stderr,
      isColoured: flags.noColor !== true && context.hasColour("stdout"),
      hasPrefix: flags.noLogPrefix !== true,
      hasTimestamps: flags.timestamps === true,
    });
  }

  /** First stops, then kills, then gives up waiting. */
  readonly interrupt = () => {
    this.#interrupts++;
    if (this.#interrupts === 1) {
      this.#context.printLine("Gracefully Stopping... press Ctrl+C again to force");
      this.#upAbort.abort();
      this.#stop("stop");
    } else if (this.#interrupts === 2) this.#stop("kill");
    else process.exit(EXIT.interrupted);
  };

  async run(): Promise<number> {
    const { stack, flags } = this.#options;
    const watched = flags.watch === true ? this.#watchedServices() : [];
    const isUp = Promise.resolve().then(() => this.#up());
    const following = followStack({
      runtime: await this.#context.runtime(),
      stackName: stack.name,
      services: [...this.#attached],
      lines: this.#lines,
      signal: this.#end.signal,
      // Those that run already: only what they say from now on.
      options: { sinceNs: BigInt(Date.now()) * 1_000_000n },
      warn: (message) => this.#context.note(message),
      notBefore: isUp,
      last: this.#stopped.signal,
      isHeld: () => this.#isRefreshing && this.#stopping === undefined,
      onExit: ({ id, attributes }) => {
        const isOneOff = attributes[LABEL.oneoff] === "True";
        const isOurs = !isOneOff && !this.#isRefreshing && !this.#endedByPlan.has(id);
        if (isOurs) this.#cascade(Number(attributes["exitCode"] ?? 0));
      },
      onStart: ({ id }) => {
        if (this.#returning.delete(id)) this.#endedByPlan.delete(id);
      },
      onEnd: ({ summary }, code) => {
        // Before, it can only be one that this pass has replaced or removed.
        if (!this.#isAnnounced || this.#endedByPlan.has(summary.id)) return;
        this.#lines.remark(shortName(summary.name, stack.name), `exited with code ${code}`);
        if (!this.#isRefreshing) this.#cascade(code);
      },
    });
    try {
      await isUp;
    } catch (error) {
      // A pass that we cut short ourselves is no failure.
      if (!(error instanceof ExitWith) || this.#stopping === undefined) {
        this.#end.abort();
        throw error;
      }
    }
    if (watched.length > 0 && this.#stopping === undefined) this.#watch(watched);
    await following;
    this.#end.abort();
    await this.#stopping;
    if (this.#interrupts > 0) return EXIT.interrupted;
    if (flags.exitCodeFrom !== undefined) return this.#exitCodeOf(flags.exitCodeFrom);
    return this.#cascadeCode ?? EXIT.ok;
  }

  /** Of the services that come up, those that say what to watch. */
  #watchedServices(): readonly string[] {
    const { stack, request } = this.#options;
    const named = request.services ?? [];
    const watched = watchedServices(stack, named.length > 0 ? [...withDependencies(stack, named)] : []);
    if (watched.length === 0)
      throw new CliError("Nothing to watch: no service that comes up has a `develop.watch` section");
    return watched;
  }

  /** Beside the output, until that ends. */
  #watch(services: readonly string[]): void {
    const { stack, request } = this.#options;
    watchStack(this.#context, {
      stack,
      services,
      prune: true,
      ...(request.scale !== undefined && { scale: request.scale }),
      onReady: () => this.#context.note(`Watch enabled for ${services.join(", ")}`),
      signal: AbortSignal.any([this.#end.signal, this.#upAbort.signal]),
      openView: async () => this.#noting(await this.#ownView()),
      onBusy: (isBusy) => {
        this.#isRefreshing = isBusy;
      },
    }).catch((error: unknown) => {
      if (!this.#end.signal.aborted) this.#context.note(`stowage: watching has ended: ${messageOf(error)}`);
    });
  }

  async #exitCodeOf(service: string): Promise<number> {
    const { stack } = this.#options;
    const found = await stackContainers(await this.#context.runtime(), stack.name, {
      all: true,
      services: [service],
    });
    return found[0]?.summary.state.exitCode ?? EXIT.ok;
  }

  async #up(): Promise<void> {
    const { stack, placeOf, request } = this.#options;
    const inner = new UntilStart(
      await openProgressView(this.#context),
      progressType(this.#context) === "tty",
      (plan) => this.#announce(plan),
    );
    const view = this.#noting(inner);
    await askStack(this.#context, {
      stackName: stack.name,
      stack,
      placeOf,
      request,
      view,
      isQuietWhenUnchanged: true,
      signal: this.#upAbort.signal,
    });
  }

  /** A view that also notes which containers its passes end. */
  #noting(inner: ProgressView): ProgressView {
    let started: readonly string[] = [];
    return {
      show: (event) => {
        if (event.kind === "plan") {
          for (const id of endedBy(event.plan)) this.#endedByPlan.add(id);
          started = startedBy(event.plan);
        }
        if (event.kind === "step" && event.result.step.do === "stop") {
          const { id } = event.result.step.container;
          if (id !== undefined && started.includes(id)) this.#returning.add(id);
        }
        inner.show(event);
      },
      end: () => inner.end(),
    };
  }

  #announce(plan: Plan | undefined): void {
    this.#isAnnounced = true;
    const { stack } = this.#options;
    const created = plan?.steps.flatMap((step) => (step.do === "start" ? [step.container] : [])) ?? [];
    const names = [...created, ...(plan?.kept ?? [])]
      .filter(({ service }) => this.#attached.has(service))
      .map(({ name }) => shortName(name, stack.name));
    for (const name of names) this.#lines.register(name);
    this.#context.printLine(`Attaching to ${[...new Set(names)].sort().join(", ")}`);
  }

  /** A container has ended: with some options that ends them all. */
  #cascade(code: number): void {
    const { flags } = this.#options;
    const cascades =
      flags.abortOnContainerExit === true ||
      flags.exitCodeFrom !== undefined ||
      (flags.abortOnContainerFailure === true && code !== 0);
    if (!cascades || this.#stopping !== undefined) return;
    this.#cascadeCode = code;
    const { red, bold } = paint(this.#context.hasColour("stderr"));
    this.#context.note(red(bold("Aborting on container exit...")));
    this.#upAbort.abort();
    this.#stop("stop");
  }

  /**
   * Lines only, for output comes between them. That our stop waits for our own pass to end is nobody's business.
   */
  async #ownView(): Promise<ProgressView> {
    const isTty = progressType(this.#context) === "tty";
    const inner = await openProgressView(isTty ? this.#context.with({ progress: "plain" }) : this.#context);
    return {
      show: (event) => {
        if (event.kind !== "queued") inner.show(event);
      },
      end: () => inner.end(),
    };
  }

  #stop(how: "stop" | "kill"): void {
    const { stack, request, flags } = this.#options;
    const services = request.services ?? [];
    const asked: Request =
      how === "kill"
        ? { do: "kill", services }
        : {
            do: "stop",
            services,
            ...(flags.timeout !== undefined && { timeoutSeconds: flags.timeout }),
          };
    const done = this.#ownView().then((view) =>
      askStack(this.#context, {
        stackName: stack.name,
        stack,
        request: asked,
        view,
        signal: new AbortController().signal,
      }),
    );
    this.#stopping = Promise.all([this.#stopping, done]).then(
      () => this.#stopped.abort(),
      (error: unknown) => {
        this.#stopped.abort();
        if (!(error instanceof ExitWith)) throw error;
      },
    );
    this.#stopping.catch(() => {});
  }
}

/** The services whose output is shown. */
function attachedServices({ stack, request, flags }: AttachedUpOptions): ReadonlySet<string> {
  const all = Object.keys(stack.services);
  const unknown = [...flags.attach, ...flags.noAttach, flags.exitCodeFrom ?? ""].find(
    (name) => name !== "" && !all.includes(name),
  );
  if (unknown !== undefined) throw new CliError(`no such service: ${unknown}`);
  const named = request.services ?? [];
  const base = flags.attach.length > 0 ? flags.attach : named.length > 0 ? named : all;
  const chosen = flags.attachDependencies === true ? [...withDependencies(stack, base)] : base;
  return new Set(
    chosen.filter(
      (name) =>
        !flags.noAttach.includes(name) &&
        (flags.attach.includes(name) || stack.services[name]?.attach !== false),
    ),
  );
}

function endedBy({ steps }: Plan): readonly string[] {
  return steps.flatMap((step) =>
    step.do === "stop" || step.do === "remove" ? (step.container.id ?? []) : [],
  );
}

function startedBy({ steps }: Plan): readonly string[] {
  return steps.flatMap((step) => (step.do === "start" ? (step.container.id ?? []) : []));
}

function isLifeStep({ do: kind }: Step): boolean {
  return kind === "start" || kind === "exec-hook" || kind === "write-files" || kind.startsWith("wait-");
}

const LIFE_WORDS: readonly string[] = ["Starting", "Started", "Running", "Waiting", "Healthy", "Exited"];

/**
 * Shows a pass up to the first start: from then on the terminal belongs to the containers' output. Where each
 * event is a line of its own, what is made after the first start is still told.
 */
class UntilStart implements ProgressView {
  readonly #inner: ProgressView;
  readonly #isTty: boolean;
  readonly #onEnd: (plan: Plan | undefined) => void;
  #plan: Plan | undefined;
  #ending: Promise<void> | undefined;

  constructor(inner: ProgressView, isTty: boolean, onEnd: (plan: Plan | undefined) => void) {
    this.#inner = inner;
    this.#isTty = isTty;
    this.#onEnd = onEnd;
  }

  show(event: Parameters<ProgressView["show"]>[0]): void {
    if (event.kind === "plan") {
      this.#plan = event.plan;
      const steps = event.plan.steps.filter((step) => !isLifeStep(step));
      this.#inner.show({ kind: "plan", plan: { ...event.plan, steps } });
      return;
    }
    const isLife = event.kind === "object" && event.phase !== "error" && LIFE_WORDS.includes(event.word);
    if (isLife && event.word === "Starting") void this.end();
    if (!isLife && (this.#ending === undefined || !this.#isTty)) this.#inner.show(event);
  }

  end(): Promise<void> {
    this.#ending ??= this.#inner.end().then(() => this.#onEnd(this.#plan));
    return this.#ending;
  }
}
