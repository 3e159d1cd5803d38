import { dirname, resolve } from 'node:path'
import { OverlayError } from '@selvedge/core'
import { isJsonObject } from '@selvedge/core/kit'
import { load, YAMLException } from 'js-yaml'
import type { KubeConfigAccess } from './access.js'
import { parseApiUrl, type Source, type Target } from './target-connector.js'

type Fields = Readonly<Record<string, unknown>>

/** Keys of a user or a cluster that need more than reading files: plugins, refresh, impersonation, a proxy. */
const BEYOND_FILES = {
  user: ['exec', 'auth-provider', 'username', 'as', 'as-groups', 'as-uid', 'as-user-extra'],
  cluster: ['proxy-url'],
} as const

/**
 * Reads a kubeconfig whose user has a token, a client certificate or nothing, such as a kubelet's, a service account's
 * or kubeadm's. Undefined if it needs more than that.
 *
 * Throws an OverlayError `INVALID_CONFIG` that quotes only names from the file: the rest may be credentials.
 */
export function readKubeconfig(text: string, access: KubeConfigAccess): Target | undefined {
  const where = `the kubeconfig ${access.kubeconfigFile}`
  const config = parse(text, where)
  const contextName = access.context ?? config['current-context']
  const context = entry(config, 'contexts', 'context', contextName, where)
  const cluster = entry(config, 'clusters', 'cluster', context.cluster, where)
  const user =
    context.user === undefined || context.user === ''
      ? {}
      : entry(config, 'users', 'user', context.user, where)
  if (BEYOND_FILES.user.some((key) => user[key] !== undefined)) return undefined
  if (BEYOND_FILES.cluster.some((key) => cluster[key] !== undefined)) return undefined

  const folder = dirname(access.kubeconfigFile)
  return {
    url: parseApiUrl(access.apiUrl ?? String(cluster.server)),
    ca: pem(cluster, 'certificate-authority', folder),
    cert: pem(user, 'client-certificate', folder),
    key: pem(user, 'client-key', folder),
    token: tokenOf(user, folder),
    servername: typeof cluster['tls-server-name'] === 'string' ? cluster['tls-server-name'] : undefined,
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true,
  }
}

function parse(text: string, where: string): Fields {
  let value: unknown
  try {
    value = load(text)
  } catch (error) {
    // The parser's message quotes the file.
    const line = error instanceof YAMLException ? ` at line ${error.mark.line + 1}` : ''
    throw new OverlayError('INVALID_CONFIG', `${where} is not valid YAML${line}`)
  }
  if (isJsonObject(value)) return value
  throw new OverlayError('INVALID_CONFIG', `${where} is not a kubeconfig: its top level is not a mapping`)
}

/** The entry of that name in one of the file's lists. */
function entry(config: Fields, list: string, key: string, name: unknown, where: string): Fields {
  const all = config[list]
  const found = Array.isArray(all) ? all.filter(isJsonObject).find((item) => item.name === name) : undefined
  const value = found?.[key]
  if (typeof name === 'string' && name !== '' && isJsonObject(value)) return value
  const what = typeof name === 'string' && name !== '' ? `no ${key} '${name}'` : `no current ${key}`
  throw new OverlayError('INVALID_CONFIG', `${where} has ${what}`)
}

/** `name` is a path relative to the kubeconfig's folder; `name`-data holds the content in base64, and takes precedence. */
function pem(fields: Fields, name: string, folder: string): Source | undefined {
  const data = fields[`${name}-data`]
  if (typeof data === 'string' && data !== '') return { text: Buffer.from(data, 'base64').toString() }
  const file = fields[name]
  return typeof file === 'string' && file !== '' ? { file: resolve(folder, file) } : undefined
}

/** A token file takes precedence over a token, because it may be rotated. */
function tokenOf({ tokenFile, token }: Fields, folder: string): Source | undefined {
  if (typeof tokenFile === 'string' && tokenFile !== '') return { file: resolve(folder, tokenFile) }
  return typeof token === 'string' && token !== '' ? { text: token } : undefined
}
