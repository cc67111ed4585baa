/** A position in a file: `line` and `column` count from 1, `column` in UTF-16 units. */
export interface Place {
  /** Absolute; `-` for stdin. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The column just after the last character, when the thing ends on the same line. */
  readonly endColumn?: number;
}

export interface RelatedPlace {
  readonly place: Place;
  /** Why this place matters: "first declared here". */
  readonly message: string;
}

/** Something wrong (error) or worth knowing (warning) about what was read. */
export interface Problem {
  /** The rule's stable id, e.g. `schema/unknown-key`. */
  readonly rule: string;
  readonly severity: "error" | "warning";
  /** One sentence, without the place. */
  readonly message: string;
  readonly place?: Place;
  /** Dotted path in the stack, e.g. `services.db.ports[0]`. */
  readonly path?: string;
  /** What to do about it, e.g. `did you mean "image"?`. */
  readonly hint?: string;
  readonly related?: readonly RelatedPlace[];
  /** The text of the line at `place`. */
  readonly source?: string;
}
