import { parentPort } from "node:worker_threads";
import { RuntimeError } from "../../index.ts";
import { performTreeJob } from "./tree-jobs.ts";
import type { TreeAnswer, TreeCall } from "./trees.ts";

const port = parentPort;
if (port === null) throw new Error("this file is a worker thread of the builder");

port.on("message", ({ id, job }: TreeCall) => {
  let answer: TreeAnswer;
  try {
    answer = { id, value: performTreeJob(job) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    answer = { id, failure: { kind: error instanceof RuntimeError ? error.kind : "internal", message } };
  }
  port.postMessage(answer);
});
