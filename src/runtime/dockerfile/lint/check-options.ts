import { RuntimeError } from "../../index.ts";
import { linesOf, readDirectives } from "../parse-dockerfile.ts";

/** What `# check=skip=A,B;error=true` asks for. */
export interface CheckOptions {
  readonly skipped: ReadonlySet<string>;
  readonly skipsAll: boolean;
  /** A finding is an error of the build. */
  readonly isError: boolean;
}

/** Of a Dockerfile's directive, or of `given` (the build argument `BUILDKIT_DOCKERFILE_CHECK`), which goes before it. */
export function checkOptions(text: string, given?: string): CheckOptions {
  const wanted = given ?? readDirectives(linesOf(text)).get("check") ?? "";
  const values = new Map<string, string>();
  for (const part of wanted.split(";").filter((piece) => piece.trim() !== "")) {
    const [key = "", value] = part.split("=").map((word) => word.trim());
    if (value === undefined || !["skip", "error", "experimental"].includes(key))
      throw refused(`invalid check option ${JSON.stringify(part)}`);
    if (key === "error" && !/^(?:1|t|true|0|f|false)$/i.test(value))
      throw refused(
        `failed to parse check option ${JSON.stringify(part)}: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
      );
    values.set(key, value);
  }
  const skipped = new Set((values.get("skip") ?? "").split(",").map((name) => name.trim()));
  return {
    skipped,
    skipsAll: skipped.has("all"),
    isError: /^(?:1|t|true)$/i.test(values.get("error") ?? ""),
  };
}

function refused(detail: string): RuntimeError {
  return new RuntimeError("invalid", `failed to parse check options: ${detail}`);
}
