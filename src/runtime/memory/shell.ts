import { posix } from "node:path";
import { MAX_TIMER_MS } from "../../lib/clock.ts";
import { Killed, type ProcessContext, type Program, signalName } from "./process.ts";
import { parseShell, type ShellCommand, type ShellNode } from "./shell-parse.ts";

class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super();
    this.code = code;
  }
}

/** A shell with the few words that tests and health checks of simulated containers need. */
export const shell: Program = async (context) => {
  const text = context.argv[1] === "-c" ? (context.argv[2] ?? "") : "";
  const run = new ShellRun(context);
  try {
    return await run.all(parseShell(text));
  } catch (error) {
    if (error instanceof Exit) return error.code;
    if (error instanceof Killed) throw error;
    context.write("stderr", `sh: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
};

/** One program by its argv, as the shell and an exec find it; undefined: not found. */
export function programOf(argv: readonly string[]): Program | undefined {
  const name = posix.basename(argv[0] ?? "");
  if (name === "sh" || name === "ash") return shell;
  const word = WORDS[name];
  return word === undefined ? undefined : (context) => word(context, argv.slice(1));
}

class ShellRun {
  readonly #context: ProcessContext;
  readonly #variables = new Map<string, string>();

  constructor(context: ProcessContext) {
    this.#context = context;
  }

  async all(nodes: readonly ShellNode[]): Promise<number> {
    let code = 0;
    for (const node of nodes) {
      if (node.joint === "&&" && code !== 0) continue;
      if (node.joint === "||" && code === 0) continue;
      code = await this.#one(node, code);
    }
    return code;
  }

  async #one(node: ShellNode, last: number): Promise<number> {
    if (node.kind === "while") {
      let code = 0;
      while ((await this.all(node.condition)) === 0) {
        code = await this.all(node.body);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return code;
    }
    if (node.kind === "if")
      return (await this.all(node.condition)) === 0 ? this.all(node.body) : this.all(node.otherwise);
    return this.#command(node, last);
  }

  async #command(node: ShellCommand, last: number): Promise<number> {
    const words = node.words.map((word) => this.#expand(word, last));
    const [name = "", ...args] = words;
    const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(name);
    if (assignment !== null) {
      this.#variables.set(assignment[1] ?? "", assignment[2] ?? "");
      return 0;
    }
    const target = node.redirect === undefined ? undefined : this.#expand(node.redirect.target, last);
    const { context, finish } = redirected(this.#context, node.redirect?.kind, target);
    const code = await this.#builtin(context, name, args, last);
    return finish() ? code : 1;
  }

  async #builtin(
    context: ProcessContext,
    name: string,
    args: readonly string[],
    last: number,
  ): Promise<number> {
    if (name === "exit") throw new Exit(args[0] === undefined ? last : Number(args[0]) % 256);
    if (name === "trap") return this.#trap(args);
    if (name === "read") return this.#read(args[0] ?? "REPLY");
    if (name === "exec") return this.#builtin(context, args[0] ?? "true", args.slice(1), last);
    const program = programOf([name, ...args]);
    if (program !== undefined) return program({ ...context, argv: [name, ...args] });
    context.write("stderr", `sh: ${name}: not found\n`);
    return 127;
  }

  #trap([action = "", ...names]: readonly string[]): number {
    for (const text of names) {
      const name = signalName(text);
      if (name === undefined) continue;
      this.#context.onSignal(name, () => {
        this.all(parseShell(action)).catch((error) => {
          if (error instanceof Exit) this.#context.exit(error.code);
        });
      });
    }
    return 0;
  }

  async #read(variable: string): Promise<number> {
    let text = "";
    for await (const chunk of this.#context.stdin) {
      text += Buffer.from(chunk).toString();
      if (text.includes("\n")) break;
    }
    this.#variables.set(variable, text.split("\n")[0] ?? "");
    return text === "" ? 1 : 0;
  }

  #expand(word: ShellCommand["words"][number], last: number): string {
    return word
      .map((part) =>
        part.isLiteral
          ? part.text
          : part.text.replace(/\$(?:(\?)|\{(\w+)\}|(\w+))/g, (_all, status, braced, plain) => {
              if (status !== undefined) return String(last);
              const name: string = braced ?? plain;
              return this.#variables.get(name) ?? this.#context.env.get(name) ?? "";
            }),
      )
      .join("");
  }
}

function redirected(context: ProcessContext, kind: string | undefined, target: string | undefined) {
  if (kind === undefined || target === undefined) return { context, finish: () => true };
  if (kind === ">&") {
    const write: ProcessContext["write"] = (_stream, text) => context.write("stderr", text);
    return { context: { ...context, write }, finish: () => true };
  }
  const path = posix.resolve(context.workingDir, target);
  const parts: Buffer[] = [];
  const before = kind === ">>" ? context.files.read(path) : undefined;
  if (before !== undefined) parts.push(Buffer.from(before.data));
  const write: ProcessContext["write"] = (stream, text) => {
    if (stream === "stdout") parts.push(Buffer.from(text as string));
    else context.write(stream, text);
  };
  const finish = () => {
    if (path === "/dev/null") return true;
    const file = {
      data: Buffer.concat(parts),
      mode: 0o644,
      uid: 0,
      gid: 0,
      modifiedAtMs: context.clock.now(),
    };
    const isWritten = context.files.write(path, file);
    if (!isWritten) context.write("stderr", `sh: can't create ${target}: Read-only file system\n`);
    return isWritten;
  };
  return { context: { ...context, write }, finish };
}

type Word = (context: ProcessContext, args: readonly string[]) => Promise<number>;

const WORDS: Readonly<Record<string, Word>> = {
  ":": async () => 0,
  true: async () => 0,
  false: async () => 1,
  echo: async (context, args) => {
    const isBare = args[0] === "-n";
    context.write("stdout", `${(isBare ? args.slice(1) : args).join(" ")}${isBare ? "" : "\n"}`);
    return 0;
  },
  printf: async (context, [format = "", ...args]) => {
    let next = 0;
    const text = format.replace(/\\n/g, "\n").replace(/%s/g, () => args[next++] ?? "");
    context.write("stdout", text);
    return 0;
  },
  sleep: async (context, [time = "0"]) => {
    await context.sleep(time.startsWith("inf") ? MAX_TIMER_MS : Number.parseFloat(time) * 1000);
    return 0;
  },
  pwd: async (context) => {
    context.write("stdout", `${context.workingDir}\n`);
    return 0;
  },
  hostname: async (context) => {
    context.write("stdout", `${context.hostname}\n`);
    return 0;
  },
  env: async (context) => {
    for (const [key, value] of context.env) context.write("stdout", `${key}=${value}\n`);
    return 0;
  },
  id: async (context) => {
    context.write(
      "stdout",
      `${context.user === "" || context.user === "root" ? "0" : context.user.split(":")[0]}\n`,
    );
    return 0;
  },
  cat: async (context, args) => {
    if (args.length === 0) {
      for await (const chunk of context.stdin) context.write("stdout", chunk);
      return 0;
    }
    let code = 0;
    for (const path of args) {
      const file = context.files.read(posix.resolve(context.workingDir, path));
      if (file !== undefined) context.write("stdout", file.data);
      else {
        context.write("stderr", `cat: can't open '${path}': No such file or directory\n`);
        code = 1;
      }
    }
    return code;
  },
  touch: async (context, args) => {
    const paths = args.map((path) => posix.resolve(context.workingDir, path));
    const file = { data: new Uint8Array(), mode: 0o644, uid: 0, gid: 0, modifiedAtMs: context.clock.now() };
    return paths.every((path) => context.files.write(path, file)) ? 0 : 1;
  },
  mkdir: async (context, args) => {
    const paths = args.filter((path) => !path.startsWith("-"));
    return paths.every((path) => context.files.makeFolder(posix.resolve(context.workingDir, path))) ? 0 : 1;
  },
  rm: async (context, args) => {
    for (const path of args)
      if (!path.startsWith("-")) context.files.remove(posix.resolve(context.workingDir, path));
    return 0;
  },
  test: (context, args) => check(context, args),
  "[": (context, args) => check(context, args.slice(0, -1)),
};

async function check(
  context: ProcessContext,
  [first = "", second = "", third]: readonly string[],
): Promise<number> {
  if (second === "=") return first === third ? 0 : 1;
  if (second === "!=") return first !== third ? 0 : 1;
  const path = posix.resolve(context.workingDir, second);
  if (first === "-f") return context.files.read(path) !== undefined ? 0 : 1;
  if (first === "-d") return context.files.isFolder(path) ? 0 : 1;
  if (first === "-e") return context.files.read(path) !== undefined || context.files.isFolder(path) ? 0 : 1;
  if (first === "-n") return second !== "" ? 0 : 1;
  if (first === "-z") return second === "" ? 0 : 1;
  return first === "" ? 1 : 0;
}
