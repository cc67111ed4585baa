import type { CliGroup } from "../cli-command.ts";

export const image: CliGroup = {
  summary: "Manage images",
  commands: {
    ls: {
      summary: "List images",
      aliases: ["list"],
      load: async () => (await import("./image-ls.ts")).imageLs,
    },
    pull: { summary: "Pull an image", load: async () => (await import("./image-pull.ts")).imagePull },
    push: { summary: "Push an image", load: async () => (await import("./image-pull.ts")).imagePush },
    build: {
      summary: "Build an image from a Dockerfile",
      load: async () => (await import("./image-build.ts")).imageBuild,
    },
    import: {
      summary: "Make an image of a tar archive of files",
      load: async () => (await import("./image-files.ts")).imageImport,
    },
    load: {
      summary: "Load images from an archive",
      load: async () => (await import("./image-files.ts")).imageLoad,
    },
    save: {
      summary: "Save images to an archive",
      load: async () => (await import("./image-files.ts")).imageSave,
    },
    rm: {
      summary: "Remove images",
      aliases: ["remove"],
      load: async () => (await import("./image-manage.ts")).imageRm,
    },
    tag: {
      summary: "Give an image another name",
      load: async () => (await import("./image-manage.ts")).imageTag,
    },
    inspect: {
      summary: "Show an image as JSON",
      load: async () => (await import("./image-manage.ts")).imageInspect,
    },
    history: {
      summary: "Show an image's history",
      load: async () => (await import("./image-manage.ts")).imageHistory,
    },
    prune: {
      summary: "Remove unused images",
      load: async () => (await import("./image-manage.ts")).imagePrune,
    },
    search: {
      summary: "Search a registry",
      load: async () => (await import("./image-manage.ts")).imageSearch,
    },
  },
};
