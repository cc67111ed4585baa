/** Characters that a terminal obeys instead of showing them: controls, and what turns the direction of writing. */
export const UNSEEN = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
