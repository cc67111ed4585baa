/** A word's pieces: literal ones were quoted with '. */
export type ShellWord = readonly { readonly text: string; readonly isLiteral: boolean }[];

export interface ShellCommand {
  readonly kind: "command";
  readonly joint: Joint;
  readonly words: readonly ShellWord[];
  readonly redirect?: { readonly kind: ">" | ">>" | ">&"; readonly target: ShellWord };
}

type Joint = ";" | "&&" | "||";

export type ShellNode =
  | ShellCommand
  | {
      readonly kind: "while";
      readonly joint: Joint;
      readonly condition: readonly ShellNode[];
      readonly body: readonly ShellNode[];
    }
  | {
      readonly kind: "if";
      readonly joint: Joint;
      readonly condition: readonly ShellNode[];
      readonly body: readonly ShellNode[];
      readonly otherwise: readonly ShellNode[];
    };

type Token = { readonly operator: string } | { readonly word: ShellWord };

export function parseShell(text: string): readonly ShellNode[] {
  const tokens = tokenize(text);
  let at = 0;
  const nodes = list(new Set());
  if (at < tokens.length) throw new Error(`syntax error near token ${at + 1}`);
  return nodes;

  function list(ends: ReadonlySet<string>): readonly ShellNode[] {
    const found: ShellNode[] = [];
    let joint: Joint = ";";
    while (at < tokens.length) {
      const token = tokens[at];
      if (token === undefined || ends.has(keyword(token))) break;
      if (
        "operator" in token &&
        (token.operator === ";" || token.operator === "&&" || token.operator === "||")
      ) {
        joint = token.operator;
        at += 1;
        continue;
      }
      found.push(node(joint));
      joint = ";";
    }
    return found;
  }

  function node(joint: Joint): ShellNode {
    const word = keyword(tokens[at]);
    if (word === "while") {
      at += 1;
      const condition = list(new Set(["do"]));
      expect("do");
      const body = list(new Set(["done"]));
      expect("done");
      return { kind: "while", joint, condition, body };
    }
    if (word === "if") {
      at += 1;
      const condition = list(new Set(["then"]));
      expect("then");
      const body = list(new Set(["else", "fi"]));
      const hasElse = keyword(tokens[at]) === "else";
      if (hasElse) at += 1;
      const otherwise = hasElse ? list(new Set(["fi"])) : [];
      expect("fi");
      return { kind: "if", joint, condition, body, otherwise };
    }
    return command(joint);
  }

  function command(joint: Joint): ShellCommand {
    const words: ShellWord[] = [];
    let redirect: ShellCommand["redirect"];
    for (; at < tokens.length; at += 1) {
      const token = tokens[at];
      if (token === undefined) break;
      if ("word" in token) {
        words.push(token.word);
        continue;
      }
      if (token.operator === "2>&1") continue;
      if (token.operator !== ">" && token.operator !== ">>" && token.operator !== ">&") break;
      const target = tokens[at + 1];
      if (target === undefined || !("word" in target)) throw new Error("syntax error: redirection");
      redirect = { kind: token.operator, target: target.word };
      at += 1;
    }
    if (words.length === 0) throw new Error("syntax error: empty command");
    return { kind: "command", joint, words, ...(redirect === undefined ? {} : { redirect }) };
  }

  function expect(word: string): void {
    if (keyword(tokens[at]) !== word) throw new Error(`syntax error: expected ${word}`);
    at += 1;
  }
}

function keyword(token: Token | undefined): string {
  return token !== undefined && "word" in token && token.word.length === 1 ? (token.word[0]?.text ?? "") : "";
}

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const pattern =
    /\s*(?:(\n|;|&&|\|\||2>&1|>&|>>|>)|((?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s;&|>'"\\])+)|(.))/gy;
  const spaced = text.replace(/\n/g, ";");
  for (const match of spaced.trim().matchAll(pattern)) {
    if (match[3] !== undefined) throw new Error(`syntax error: unexpected ${match[3]}`);
    if (match[1] !== undefined) tokens.push({ operator: match[1] });
    else tokens.push({ word: pieces(match[2] ?? "") });
  }
  return tokens;
}

function pieces(word: string): ShellWord {
  return [...word.matchAll(/'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|([^'"\\]+)/g)].map(
    ([, single, double, escaped, plain]) => {
      if (single !== undefined) return { text: single, isLiteral: true };
      if (escaped !== undefined) return { text: escaped, isLiteral: true };
      return { text: (double ?? plain ?? "").replace(/\\(["$\\])/g, "$1"), isLiteral: false };
    },
  );
}
