import { dirname, resolve } from 'node:path'
import { OverlayError } from '@selvedge/core'
import { isJsonObject, printable } from '@selvedge/core/kit'
import { load, YAMLException } from 'js-yaml'
import type { KubeConfigAccess } from './access.js'
import type { PluginConfig } from './exec-plugin.js'
import { readPlugin } from './plugin-config.js'
import { parseApiUrl, type Source, type Target } from './target-connector.js'

type Fields = Readonly<Record<string, unknown>>

/** What a kubeconfig leaves to client-node. */
export interface ForClientNode {
  /** The one context, cluster and user, with absolute paths and without a plugin, as JSON. */
  readonly kubeconfig: string
  readonly plugin: PluginConfig | undefined
}

/** Keys of a user or a cluster that need more than files and plugins: providers, passwords, impersonation, a proxy. */
const FOR_CLIENT_NODE = {
  user: ['auth-provider', 'username', 'as', 'as-groups', 'as-uid', 'as-user-extra'],
  cluster: ['proxy-url'],
} as const

/** Keys with a path, which is relative to the file. */
const PATHS = {
  user: ['client-certificate', 'client-key', 'tokenFile'],
  cluster: ['certificate-authority'],
} as const

/** client-node runs a command for these and waits for it without a limit. Kubernetes removed both in 1.26. */
const REMOVED_PROVIDERS: readonly unknown[] = ['gcp', 'azure']

/**
 * Reads a kubeconfig whose user has a token, a client certificate, a plugin or nothing, such as a kubelet's, a service
 * account's or kubeadm's. If it takes more than that, returns what to leave to client-node.
 *
 * Throws an OverlayError `INVALID_CONFIG` that quotes only names from the file: the rest may be credentials.
 */
export function readKubeconfig(text: string, access: KubeConfigAccess): Target | ForClientNode {
  const where = `the kubeconfig ${access.kubeconfigFile}`
  const folder = dirname(access.kubeconfigFile)
  const config = parse(text, where)
  const contextName = access.context ?? config['current-context']
  const context = entry(config, 'contexts', 'context', contextName, where)
  const cluster = withAbsolutePaths(
    entry(config, 'clusters', 'cluster', context.cluster, where),
    PATHS.cluster,
    folder,
  )
  const isAnonymous = !isGiven(context.user) || context.user === ''
  const { exec, ...user } = isAnonymous
    ? {}
    : withAbsolutePaths(entry(config, 'users', 'user', context.user, where), PATHS.user, folder)
  const plugin = isGiven(exec) ? readPlugin(exec, { where, folder, cluster }) : undefined
  const isForClientNode =
    FOR_CLIENT_NODE.user.some((key) => isGiven(user[key])) ||
    FOR_CLIENT_NODE.cluster.some((key) => isGiven(cluster[key]))
  if (isForClientNode) return { kubeconfig: minimalConfig({ cluster, user, where }), plugin }
  return {
    url: parseApiUrl(access.apiUrl ?? textOf(cluster.server)),
    ca: pem(cluster, 'certificate-authority'),
    cert: pem(user, 'client-certificate'),
    key: pem(user, 'client-key'),
    token: tokenOf(user),
    plugin,
    servername: typeof cluster['tls-server-name'] === 'string' ? cluster['tls-server-name'] : undefined,
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true,
  }
}

function minimalConfig({ cluster, user, where }: { cluster: Fields; user: Fields; where: string }): string {
  const provider = user['auth-provider']
  if (isJsonObject(provider) && REMOVED_PROVIDERS.includes(provider.name)) {
    throw new OverlayError(
      'INVALID_CONFIG',
      `${where} uses the auth-provider ${provider.name}, which Kubernetes removed in 1.26: use its exec plugin`,
    )
  }
  const name = 'current'
  return JSON.stringify({
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [{ name, cluster }],
    users: [{ name, user }],
  })
}

/** As kubectl, which reads the first YAML document of a file and ignores the others. */
function parse(text: string, where: string): Fields {
  const { document, line } = firstDocument(text)
  let value: unknown
  try {
    // Of a key that is there twice the last one counts, as with kubectl.
    value = load(document, { json: true })
  } catch (error) {
    // The parser's message quotes the file.
    const mark = error instanceof YAMLException ? error.mark : undefined
    const at = mark === undefined ? '' : ` at line ${mark.line + line}`
    throw new OverlayError('INVALID_CONFIG', `${where} is not valid YAML${at}`)
  }
  if (!isBounded(value)) throw new OverlayError('INVALID_CONFIG', `${where} has too many or too deep entries`)
  if (isJsonObject(value)) return value
  throw new OverlayError('INVALID_CONFIG', `${where} is not a kubeconfig: its top level is not a mapping`)
}

/** A kubeconfig with a thousand clusters takes a tenth of it. */
const MAX_VALUES = 100_000
const MAX_DEPTH = 32

/** False for a text that is short, but large or deep by its aliases. */
function isBounded(value: unknown): boolean {
  const rest: [value: unknown, depth: number][] = [[value, 0]]
  for (let count = 0; ; count += 1) {
    const [item, depth] = rest.pop() ?? [undefined, -1]
    if (depth < 0) return true
    if (count + rest.length > MAX_VALUES || depth > MAX_DEPTH) return false
    if (typeof item !== 'object' || item === null) continue
    for (const child of Object.values(item)) rest.push([child, depth + 1])
  }
}

/** The first document with content, and the line that it begins at, from 1. */
function firstDocument(text: string): { readonly document: string; readonly line: number } {
  let line = 1
  // A marker is three characters at the beginning of a line, in whatever context.
  for (const document of text.split(/^(?:---|\.\.\.)(?=\s|$)/m)) {
    // Before the first marker there may be comments and directives alone.
    if (/^[^\S\n]*[^\s#%]/m.test(document)) return { document, line }
    line += document.split('\n').length - 1
  }
  return { document: '', line }
}

/** The entry of that name in one of the file's lists. */
function entry(config: Fields, list: string, key: string, name: unknown, where: string): Fields {
  const all = config[list]
  const found = Array.isArray(all) ? all.filter(isJsonObject).find((item) => item.name === name) : undefined
  const value = found?.[key]
  if (typeof name === 'string' && name !== '' && isJsonObject(value)) return value
  const what =
    typeof name === 'string' && name !== '' ? `no ${key} '${printable(name)}'` : `no current ${key}`
  throw new OverlayError('INVALID_CONFIG', `${where} has ${what}`)
}

function withAbsolutePaths(fields: Fields, keys: readonly string[], folder: string): Fields {
  const paths = keys.flatMap((key) => {
    const path = fields[key]
    return typeof path === 'string' && path !== '' ? [[key, resolve(folder, path)]] : []
  })
  return { ...fields, ...Object.fromEntries(paths) }
}

/** `name` is a path; `name`-data holds the content in base64, and takes precedence. */
function pem(fields: Fields, name: string): Source | undefined {
  const data = fields[`${name}-data`]
  if (typeof data === 'string' && data !== '') return { text: Buffer.from(data, 'base64').toString() }
  const file = fields[name]
  return typeof file === 'string' && file !== '' ? { file } : undefined
}

/** A token file takes precedence over a token, because it may be rotated. */
function tokenOf({ tokenFile, token }: Fields): Source | undefined {
  if (typeof tokenFile === 'string' && tokenFile !== '') return { file: tokenFile }
  return typeof token === 'string' && token !== '' ? { text: token } : undefined
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

const isGiven = (value: unknown): boolean => value !== undefined && value !== null
