import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Programs of this network namespace that change devices and routes: whether their files make an exception for ours. */
export interface ServiceFacts {
  /** Undefined if it does not run here, as the others. */
  readonly networkd: { readonly keepsForeignRoutes: boolean } | undefined
  readonly networkManager: { readonly ignoresOurs: boolean } | undefined
  readonly udev: { readonly keepsMac: boolean } | undefined
}

/** In the order in which the later counts (systemd.unit(5)). */
const SYSTEMD = ['usr/lib/systemd', 'run/systemd', 'etc/systemd']
const NETWORK_MANAGER = ['usr/lib/NetworkManager', 'run/NetworkManager', 'etc/NetworkManager']

/**
 * @param programs the names of what runs here, cut to 15 characters as the kernel does
 * @param root where the files are; `/` but for a test
 */
export async function serviceFacts(programs: ReadonlySet<string>, root = '/'): Promise<ServiceFacts> {
  return {
    networkd: programs.has('systemd-network')
      ? { keepsForeignRoutes: await keepsForeignRoutes(root) }
      : undefined,
    networkManager: programs.has('NetworkManager') ? { ignoresOurs: await ignoresOurs(root) } : undefined,
    udev: programs.has('systemd-udevd') ? { keepsMac: await keepsMac(root) } : undefined,
  }
}

async function keepsForeignRoutes(root: string): Promise<boolean> {
  const paths = SYSTEMD.flatMap((folder) => [`${folder}/networkd.conf`, `${folder}/networkd.conf.d`])
  const values = (await textsOf(root, paths, '.conf')).flatMap((text) =>
    [...text.matchAll(/^\s*ManageForeignRoutes\s*=\s*(\S+)/gm)].map(([, value = '']) => value),
  )
  return /^(no|false|0|off|n|f)$/i.test(values.at(-1) ?? 'yes')
}

async function ignoresOurs(root: string): Promise<boolean> {
  const paths = NETWORK_MANAGER.flatMap((folder) => [`${folder}/NetworkManager.conf`, `${folder}/conf.d`])
  const texts = await textsOf(root, paths, '.conf')
  return texts.some((text) => /^\s*unmanaged-devices\+?\s*=.*interface-name:flannel/m.test(text))
}

async function keepsMac(root: string): Promise<boolean> {
  const texts = await textsOf(
    root,
    SYSTEMD.map((folder) => `${folder}/network`),
    '.link',
  )
  const isPersistent = texts.some((text) => /^\s*MACAddressPolicy\s*=\s*persistent/m.test(text))
  const hasException = texts.some(
    (text) =>
      /^\s*(?:OriginalName|Name)\s*=.*flannel/m.test(text) && /^\s*MACAddressPolicy\s*=\s*none/m.test(text),
  )
  return !isPersistent || hasException
}

/** These files, and those of these folders that end so, in their order. What cannot be read says nothing. */
async function textsOf(root: string, paths: readonly string[], end: string): Promise<readonly string[]> {
  const texts: string[] = []
  for (const path of paths.map((each) => join(root, each))) {
    const names = await readdir(path).catch(() => undefined)
    const files = names?.filter((name) => name.endsWith(end)).sort() ?? ['']
    for (const file of files) {
      const text = await readFile(join(path, file), 'utf8').catch(() => undefined)
      if (text !== undefined) texts.push(text)
    }
  }
  return texts
}
