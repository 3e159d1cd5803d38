import { readdir, readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'

export interface Asset {
  readonly contentType: string
  readonly bytes: Buffer
  readonly compressed: Buffer
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

/** Beside the bundle; in the package, those written as they are, and those that tsc has compiled. */
const FOLDERS = ['./dashboard/', '../../static/dashboard/', '../../dist/dashboard/browser/']

/** The files of the page, by name. Read once: they are 60 kB. */
export async function readAssets(): Promise<ReadonlyMap<string, Asset>> {
  const assets = new Map<string, Asset>()
  for (const folder of FOLDERS.map((path) => new URL(path, import.meta.url))) {
    for (const name of await readdir(folder).catch(() => [])) {
      const contentType = CONTENT_TYPES[name.split('.').at(-1) ?? '']
      if (contentType === undefined || assets.has(name)) continue
      const bytes = await readFile(new URL(name, folder))
      assets.set(name, { contentType, bytes, compressed: gzipSync(bytes) })
    }
  }
  if (!assets.has('index.html')) throw new Error("the dashboard's files are not beside this program")
  return assets
}
