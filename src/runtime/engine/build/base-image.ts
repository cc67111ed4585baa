import { lookUp } from "../../../lib/lookup.ts";
import { expandWord, findStage, type Stage } from "../../dockerfile/index.ts";
import { type ImageProgress, type PullOptions, RuntimeError } from "../../index.ts";
import {
  chainIdsOf,
  findImageIfThere,
  machinePlatform,
  type Platform,
  parsePlatform,
  parseReference,
  platformScore,
  platformText,
  type StoredImage,
} from "../images/index.ts";
import type { BuildSession } from "./build-session.ts";
import type { StageState } from "./stage-state.ts";

const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const IMAGE_PREFIX = /^docker-image:\/\//;

/**
 * What FROM begins with: nothing, an earlier stage, or an image, fetched if need be. As with Docker there is a PATH
 * from then on, so that `ENV PATH=$PATH:/more` means what it says.
 */
export async function baseState(session: BuildSession, stage: Stage): Promise<StageState> {
  const state = await givenState(session, stage);
  const env = state.config.env ?? [];
  if (env.some((pair) => pair.startsWith("PATH="))) return state;
  return { ...state, config: { ...state.config, env: [DEFAULT_PATH, ...env] } };
}

async function givenState(session: BuildSession, stage: Stage): Promise<StageState> {
  const { file, globalArgs } = session;
  const words = { escape: file.escapeChar, variable: (name: string) => globalArgs.get(name) };
  const base = expandWord(stage.base, words);
  if (base === "") throw new RuntimeError("invalid", `base name (${stage.base}) should not be blank`);
  const named = session.options.namedContexts?.[base];
  if (typeof named === "string") return imageState(session, stage, named.replace(IMAGE_PREFIX, ""));
  const earlier = findStage(file.stages, base, stage.index);
  if (earlier !== undefined) return { ...(await session.stage(earlier)), hasOwnCmd: false };
  const platform =
    stage.platform === undefined ? session.platform : parsePlatform(expandWord(stage.platform, words));
  if (base === "scratch") return emptyState(platform);
  return imageState(session, stage, base, stage.platform === undefined ? undefined : platform);
}

function emptyState(platform: Platform): StageState {
  return {
    config: {},
    args: new Map(),
    layers: [],
    chainId: undefined,
    layerDirs: [],
    history: [],
    steps: [],
    platform,
    created: "",
  };
}

async function imageState(
  session: BuildSession,
  stage: Stage,
  reference: string,
  platform?: Platform,
): Promise<StageState> {
  const image = await findOrPull(session, reference, platform, (text) =>
    session.output.write(-1 - stage.index, text),
  );
  const { layerDirs } = await session.builder.images.resolve(image.id);
  const { config } = image;
  const { os, architecture, variant } = config;
  return {
    config: config.defaults,
    ...(config.author === undefined ? {} : { author: config.author }),
    args: new Map(),
    layers: image.layers,
    chainId: chainIdsOf(config.diffIds).at(-1),
    layerDirs,
    history: config.history,
    steps: [],
    platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
    baseId: image.id,
    created: config.created ?? "",
  };
}

/** The image if it is here (and `pull` does not want a newer one), else from its registry. */
export async function findOrPull(
  session: BuildSession,
  reference: string,
  platform: Platform | undefined,
  print: (text: string) => void,
): Promise<StoredImage> {
  const { images } = session.builder;
  const wanted = platform ?? (session.options.platform === undefined ? undefined : session.platform);
  const fits = (image: StoredImage) => wanted === undefined || platformScore(wanted, image.config) > 0;
  const present = findImageIfThere(images.context.images, reference);
  const isFixed = /^(?:sha256:)?[0-9a-f]{64}$/.test(reference);
  if (present !== undefined && fits(present) && (session.options.pull !== true || isFixed)) {
    hold(session, present);
    return present;
  }
  const { id } = await images.port.pull(reference, await pullOptions(session, reference, wanted, print));
  const pulled = images.context.images.get(id);
  if (pulled === undefined) throw new RuntimeError("not-found", `No such image: ${reference}`);
  hold(session, pulled);
  return pulled;
}

/** Its layers are mounted and built on to the end of the build, whatever becomes of the image. */
function hold({ lease }: BuildSession, { id, layers, config }: StoredImage): void {
  lease.hold(id, ...layers.map((layer) => layer.blob.digest), ...chainIdsOf(config.diffIds));
}

async function pullOptions(
  session: BuildSession,
  reference: string,
  platform: Platform | undefined,
  print: (text: string) => void,
): Promise<PullOptions> {
  const { domain } = parseReference(reference);
  const hosts =
    domain === "docker.io" ? ["https://index.docker.io/v1/", "docker.io", "index.docker.io"] : [domain];
  const given = await Promise.all(hosts.map((host) => lookUp(session.options.credentials, host)));
  const credentials = given.find((found) => found !== undefined);
  return {
    ...(platform === undefined ? {} : { platform: platformText(platform) }),
    ...(credentials === undefined ? {} : { credentials }),
    onProgress: (progress) => print(progressLine(progress)),
    signal: session.signal,
  };
}

/** Only what happened, not how far it is: this is text that stays. */
function progressLine({ id, status, totalBytes }: ImageProgress): string {
  if (totalBytes !== undefined || status === "Verifying Checksum") return "";
  return id === undefined ? `${status}\n` : `${id}: ${status}\n`;
}

/** The machine's platform with what a build asked for. */
export function targetPlatform(text: string | undefined): Platform {
  return text === undefined || text === "" ? machinePlatform() : parsePlatform(text);
}
