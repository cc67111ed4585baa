/** Paths as text, as Go's `path` and `filepath` treat them on Linux; no disk is touched. */

/** Shortest equivalent: no `.`, no doubled slash, `..` taken out where it can be; empty becomes `.`. */
export function cleanPath(path: string): string {
  const isRooted = path.startsWith("/");
  const out: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") out.push(part);
    else if (out.length > 0 && out.at(-1) !== "..") out.pop();
    else if (!isRooted) out.push("..");
  }
  const joined = out.join("/");
  if (isRooted) return `/${joined}`;
  return joined === "" ? "." : joined;
}

/** Joins and cleans; an absolute `path` is not special. */
export function joinPath(base: string, path: string): string {
  if (base === "") return path === "" ? "" : cleanPath(path);
  return cleanPath(`${base}/${path}`);
}

export function isAbsolute(path: string): boolean {
  return path.startsWith("/");
}

/** `path` seen from `base`. */
export function absolutePath(base: string, path: string): string {
  return isAbsolute(path) ? cleanPath(path) : joinPath(base, path);
}

export function parentPath(path: string): string {
  const slash = path.lastIndexOf("/");
  return cleanPath(slash < 0 ? "." : path.slice(0, slash + 1));
}

export function baseName(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  if (trimmed === "") return path === "" ? "." : "/";
  return trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** The way from one folder to a path, both absolute or both relative. */
export function relativePath(from: string, to: string): string {
  const source = cleanPath(from).split("/").filter(isName);
  const target = cleanPath(to).split("/").filter(isName);
  let common = 0;
  while (common < source.length && common < target.length && source[common] === target[common]) common += 1;
  const up = source.slice(common).map(() => "..");
  return [...up, ...target.slice(common)].join("/") || ".";
}

function isName(part: string): boolean {
  return part !== "" && part !== ".";
}

/** Absolute for Windows: `C:\x`, `C:/x`, `\\server\share`. */
export function isWindowsAbsolute(path: string): boolean {
  if (/^.:[\\/]/.test(path)) return true;
  return /^[\\/]{2}/.test(path);
}
