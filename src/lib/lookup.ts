/** Values at hand, or whom to ask for one. */
export type Lookup<T> = Readonly<Record<string, T>> | ((key: string) => Promise<T | undefined>);

export async function lookUp<T>(values: Lookup<T> | undefined, key: string): Promise<T | undefined> {
  if (typeof values === "function") return values(key);
  return values !== undefined && Object.hasOwn(values, key) ? values[key] : undefined;
}
