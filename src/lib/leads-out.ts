/** Whether a relative path, in normal form, leads out of where it starts. A name may begin with two dots (`..data`). */
export function leadsOut(path: string): boolean {
  return path === ".." || path.startsWith("../");
}
