// The file of a backup while it is being written: under another name beside it, for its owner's eyes only, and under its
// own only when it is complete and on disk. What does not come about leaves nothing behind.

import { constants, rmSync } from "node:fs";
import { type FileHandle, link, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createZstdCompress, constants as zlib } from "node:zlib";
import { reasonOf } from "../start-error.ts";
import { BackupError } from "./error.ts";
import { END_MARK } from "./format.ts";

/** zstd's own default: three quarters smaller than the rows at some 300 MB/s; higher levels cost more than disks do. */
const LEVEL = 3;

/** File systems that know no hard links (FAT, some network mounts) answer with one of these. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** Opened before the work begins, so that a path that can't be written is known before minutes have passed. */
export class BackupFile {
  readonly #onExit = () => rmSync(this.partial, { force: true });

  private constructor(
    private readonly path: string,
    private readonly partial: string,
    private readonly handle: FileHandle,
  ) {
    process.once("exit", this.#onExit);
  }

  /** Throws BackupError where there is such a file already, or none can be made. */
  static async create(path: string): Promise<BackupFile> {
    if (await exists(path)) throw alreadyThere(path);
    const partial = `${path}.${process.pid}.partial`;
    try {
      return new BackupFile(path, partial, await open(partial, "wx", 0o600));
    } catch (error) {
      throw new BackupError(`The backup can't be written to ${path}: ${reasonOf(error)}. Nothing was written.`);
    }
  }

  /** Compresses and writes the chunks. Throws BackupError where the file system refuses them, and what the chunks throw. */
  async write(chunks: AsyncIterable<Buffer>): Promise<void> {
    let refusal: unknown;
    const put = (bytes: Buffer) =>
      this.handle.writeFile(bytes).catch(error => {
        refusal = error;
        throw error;
      });
    const params = { [zlib.ZSTD_c_compressionLevel]: LEVEL, [zlib.ZSTD_c_checksumFlag]: 1 };
    try {
      await pipeline(
        Readable.from(chunks),
        createZstdCompress({ params }),
        async (compressed: AsyncIterable<Buffer>) => {
          for await (const chunk of compressed) await put(chunk);
        },
      );
      await put(END_MARK);
    } catch (error) {
      throw refusal === undefined ? error : this.#refused(refusal);
    }
  }

  /** Gives the file its name, and its size in bytes. Throws BackupError where somebody else has made one meanwhile. */
  async complete(): Promise<number> {
    try {
      await this.handle.sync();
      const { size } = await this.handle.stat();
      await this.handle.close();
      await this.#name();
      await syncDirectory(dirname(this.path));
      process.off("exit", this.#onExit);
      return size;
    } catch (error) {
      throw error instanceof BackupError ? error : this.#refused(error);
    }
  }

  async discard(): Promise<void> {
    process.off("exit", this.#onExit);
    await this.handle.close().catch(() => {});
    await rm(this.partial, { force: true });
  }

  /** A link, unlike a rename, replaces nothing. */
  async #name(): Promise<void> {
    try {
      await link(this.partial, this.path);
      await rm(this.partial);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "";
      if (code === "EEXIST" || (await exists(this.path))) throw alreadyThere(this.path);
      if (!NO_LINKS.has(code)) throw error;
      await rename(this.partial, this.path);
    }
  }

  #refused(error: unknown): BackupError {
    return new BackupError(
      `The backup could not be written to ${this.path}: ${reasonOf(error)}. Make room there, or name a file elsewhere. Nothing was left behind.`,
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function alreadyThere(path: string): BackupError {
  return new BackupError(`${path} exists already, and no backup is ever overwritten. Name another file.`);
}

/** The name is on disk only when the directory is. Some systems can't open one; there the name is, too. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY).catch(() => undefined);
  await directory?.sync().catch(() => {});
  await directory?.close();
}
