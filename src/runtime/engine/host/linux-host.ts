import { Worker } from "node:worker_threads";
import { programPath } from "../../../lib/program-path.ts";
import { type ErrorKind, RuntimeError } from "../../index.ts";
import type { Host } from "../host.ts";
import { CommandHost } from "./command-host.ts";
import type { KernelCalls } from "./kernel.ts";
import { loadSpawn } from "./spawn-program.ts";
import type { AnswerMessage, CallMessage } from "./worker-protocol.ts";

/** The machine's kernel: through a worker thread, or through mount(8), ip(8) and nft(8) where koffi cannot load. */
export async function openLinuxHost(): Promise<Host> {
  const host = new LinuxHost();
  const [isUsable] = await Promise.all([host.isUsable, loadSpawn()]);
  if (isUsable) return host;
  await host.close();
  return new CommandHost();
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

class LinuxHost implements Host {
  readonly isUsable: Promise<boolean>;
  readonly #worker = new Worker(programPath("kernel-worker"));
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #failure: Error | undefined;

  constructor() {
    this.isUsable = new Promise((resolve, reject) => {
      this.#worker.on("message", (message: AnswerMessage) => {
        if (message.kind === "ready") resolve(message.isUsable);
        else this.#settle(message);
      });
      this.#worker.on("error", (error) => {
        this.#fail(error);
        reject(error);
      });
      this.#worker.on("exit", () => this.#fail(new Error("the kernel worker has ended")));
    });
  }

  #call<Name extends keyof KernelCalls>(
    call: Name,
    ...parameters: Parameters<KernelCalls[Name]>
  ): Promise<ReturnType<KernelCalls[Name]>> {
    const failure = this.#failure;
    if (failure !== undefined)
      return Promise.reject(new RuntimeError("unavailable", "Cannot reach the kernel", { cause: failure }));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      if (this.#pending.size === 1) this.#worker.ref();
      this.#worker.postMessage({ id, call, parameters } satisfies CallMessage);
    });
  }

  #settle(message: Exclude<AnswerMessage, { kind: "ready" }>): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    // An idle worker keeps no process alive.
    if (this.#pending.size === 0) this.#worker.unref();
    if (message.kind === "done") pending?.resolve(message.value);
    else pending?.reject(kernelError(message.message, message.code));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.values())
      reject(new RuntimeError("unavailable", "Cannot reach the kernel", { cause: error }));
    this.#pending.clear();
  }

  mountOverlay(...parameters: Parameters<Host["mountOverlay"]>) {
    return this.#call("mountOverlay", ...parameters);
  }
  bindMount(...parameters: Parameters<Host["bindMount"]>) {
    return this.#call("bindMount", ...parameters);
  }
  mount(...parameters: Parameters<Host["mount"]>) {
    return this.#call("mount", ...parameters);
  }
  makePrivate(...parameters: Parameters<Host["makePrivate"]>) {
    return this.#call("makePrivate", ...parameters);
  }
  attachMount(...parameters: Parameters<Host["attachMount"]>) {
    return this.#call("attachMount", ...parameters);
  }
  unmount(...parameters: Parameters<Host["unmount"]>) {
    return this.#call("unmount", ...parameters);
  }
  sealedCopy(...parameters: Parameters<Host["sealedCopy"]>) {
    return this.#call("sealedCopy", ...parameters);
  }
  tryLock(...parameters: Parameters<Host["tryLock"]>) {
    return this.#call("tryLock", ...parameters);
  }
  createNetns(...parameters: Parameters<Host["createNetns"]>) {
    return this.#call("createNetns", ...parameters);
  }
  removeNetns(...parameters: Parameters<Host["removeNetns"]>) {
    return this.#call("removeNetns", ...parameters);
  }
  createBridge(...parameters: Parameters<Host["createBridge"]>) {
    return this.#call("createBridge", ...parameters);
  }
  removeLink(...parameters: Parameters<Host["removeLink"]>) {
    return this.#call("removeLink", ...parameters);
  }
  linkNames() {
    return this.#call("linkNames");
  }
  connectVeth(...parameters: Parameters<Host["connectVeth"]>) {
    return this.#call("connectVeth", ...parameters);
  }
  disconnectVeth(...parameters: Parameters<Host["disconnectVeth"]>) {
    return this.#call("disconnectVeth", ...parameters);
  }
  setDefaultRoute(...parameters: Parameters<Host["setDefaultRoute"]>) {
    return this.#call("setDefaultRoute", ...parameters);
  }
  sysctl(...parameters: Parameters<Host["sysctl"]>) {
    return this.#call("sysctl", ...parameters);
  }
  nft(...parameters: Parameters<Host["nft"]>) {
    return this.#call("nft", ...parameters);
  }
  forgetDatagramFlows(...parameters: Parameters<Host["forgetDatagramFlows"]>) {
    return this.#call("forgetDatagramFlows", ...parameters);
  }

  async close(): Promise<void> {
    // Descriptors belong to the process, not to the thread.
    if (await this.isUsable) await this.#call("close");
    await this.#worker.terminate();
  }
}

const KIND_OF_CODE: Readonly<Record<string, ErrorKind>> = {
  ENOTSUP: "conflict",
  ENOSPC: "exhausted",
  ENOMEM: "exhausted",
  EMFILE: "exhausted",
  ENFILE: "exhausted",
  EPERM: "forbidden",
  EACCES: "forbidden",
  ENOENT: "not-found",
  EEXIST: "already-exists",
};

/** The cause carries the kernel's `code`, as errors of `node:fs` do. */
export function kernelError(message: string, code: string | undefined): RuntimeError {
  const kind = (code === undefined ? undefined : KIND_OF_CODE[code]) ?? "internal";
  return new RuntimeError(kind, message, { cause: Object.assign(new Error(message), { code }) });
}
