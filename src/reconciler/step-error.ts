/** A step that could not be done: what it was about, and why in `cause` where a runtime said so. */
export class StepError extends Error {
  override readonly name = "StepError";
}
