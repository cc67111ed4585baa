import { startTool } from "./tool.ts";

/**
 * Has the file system put each folder made in `dir` away from the others, where it knows how (ext4). Next to each other they
 * share inodes, and ext4 passes over those freed in the last minutes one by one: unpacking an image after another
 * was removed took most of its time for that.
 */
export async function spreadFolders(dir: string): Promise<void> {
  const tool = startTool(["chattr", "+T", dir]);
  tool.stdout.resume();
  // Other file systems refuse; they have nothing to spread.
  await tool.ended.catch(() => {});
}
