/** A broken invariant of ours: never the user's fault, always worth a report. */
export class Bug extends Error {
  override readonly name = "Bug";
}

/** Marks a branch that the types say cannot be reached. */
export function unreachable(value: never): never {
  throw new Bug(`Unreachable value: ${JSON.stringify(value)}`);
}
