/** One regular file of an archive. */
export interface ArchivedFile {
  /** A relative path of at most 99 bytes. */
  readonly path: string
  readonly content: Buffer
}

const BLOCK = 512

/** A tar archive (POSIX.1-1988, ustar), which every tar reads. @param mtimeS in seconds since the epoch, of every file */
export function tar(files: readonly ArchivedFile[], mtimeS: number): Buffer {
  const parts = files.flatMap(({ path, content }) => {
    const padding = (BLOCK - (content.length % BLOCK)) % BLOCK
    return [header(path, content.length, mtimeS), content, Buffer.alloc(padding)]
  })
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

function header(path: string, size: number, mtimeS: number): Buffer {
  if (Buffer.byteLength(path) > 99) throw new TypeError(`'${path}' is longer than 99 bytes`)
  const block = Buffer.alloc(BLOCK)
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`
  block.write(path, 0)
  block.write(octal(0o600, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(0, 8), 116)
  block.write(octal(size, 12), 124)
  block.write(octal(Math.floor(mtimeS), 12), 136)
  block.write('        ', 148)
  block.write('0', 156)
  block.write('ustar\x0000', 257)
  let sum = 0
  for (const byte of block) sum += byte
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}
