import fc from "fast-check";

const chosen = process.env["FC_SEED"];

/** The same cases in every run: a failure is a change's, not chance's. FC_SEED=random looks at others. */
if (chosen !== "random") fc.configureGlobal({ seed: Number(chosen ?? 1) });

export { fc };
