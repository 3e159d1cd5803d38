import { existsSync } from 'node:fs'
import {
  type AbortOptions,
  type Backend,
  type BackendLoader,
  type BackendPreview,
  type Driver,
  type NodeContext,
  OverlayError,
} from '@selvedge/core'
import { quote } from '@selvedge/core/kit'

/** What commands of the network config find in their environment: the agent's own, without the store's password. */
function environment(): NodeJS.ProcessEnv {
  const { FLANNELD_ETCD_PASSWORD: _, ...others } = process.env
  return others
}

/** One that is all functions, and brings nothing that moves packets. */
const pure = (type: string, load: () => Promise<Backend>): BackendLoader => ({
  type,
  load,
  preview: async () => ({ backend: await load(), unknown: [] }),
})

/** Every backend that the agent has. Each is imported when a network config names it. */
export const backends: readonly BackendLoader[] = [
  pure('vxlan', async () => (await import('@selvedge/backend-vxlan')).vxlan()),
  pure('host-gw', async () => (await import('@selvedge/backend-hostgw')).hostGw()),
  pure('ipip', async () => (await import('@selvedge/backend-ipip')).ipip()),
  {
    type: 'udp',
    load: async () => (await import('@selvedge/backend-udp')).udp(),
    preview: async () => (await import('@selvedge/backend-udp')).udpPreview(),
  },
  {
    type: 'wireguard',
    load: async (context, options) => (await loadWireguard()).load(context, options),
    preview: async (context, options) => previewOf(await loadWireguard(), context, options),
    sendsPlain: async (route) => (await import('@selvedge/backend-wireguard')).sendsPlain(route),
  },
  {
    type: 'ipsec',
    load: async (context, options) => (await loadIpsec()).load(context, options),
    preview: async (context, options) => previewOf(await loadIpsec(), context, options),
    sendsPlain: async (route, config) => (await import('@selvedge/backend-ipsec')).sendsPlain(route, config),
    leftovers: async (context, options) =>
      mayHaveIpsec() ? ((await loadIpsec()).leftovers?.(context, options) ?? []) : [],
  },
  {
    type: 'tencent-vpc',
    load: async (context, options) => (await loadTencentVpc()).load(context, options),
    preview: async (context, options) => previewOf(await loadTencentVpc(), context, options),
  },
  pure('alloc', async () => (await import('@selvedge/backend-alloc')).alloc()),
  {
    type: 'extension',
    load: async (context, options) => (await loadExtension()).load(context, options),
    preview: async (context, options) => previewOf(await loadExtension(), context, options),
    leftovers: async (context, options) =>
      existsSync(extensionFolder()) ? ((await loadExtension()).leftovers?.(context, options) ?? []) : [],
  },
]

/** Those of selvedge's packages all have one. */
function previewOf(
  loader: BackendLoader,
  context: NodeContext,
  options: AbortOptions,
): Promise<BackendPreview> {
  if (loader.preview !== undefined) return loader.preview(context, options)
  throw new OverlayError('UNSUPPORTED', `planning with the backend ${loader.type}: it has no preview`)
}

/** As flannel's, its key file may be named in the environment; and what is to carry its packets, if not what is found. */
async function loadWireguard(): Promise<BackendLoader> {
  const { wireguard } = await import('@selvedge/backend-wireguard')
  const keyFile = process.env.WIREGUARD_KEY_FILE || undefined
  return wireguard({ keyFile, implementation: wireguardImplementation() })
}

function wireguardImplementation(): 'kernel' | 'userspace' | undefined {
  const name = process.env.WIREGUARD_IMPLEMENTATION || undefined
  if (name === undefined || name === 'kernel' || name === 'userspace') return name
  throw new OverlayError(
    'INVALID_CONFIG',
    `WIREGUARD_IMPLEMENTATION is ${quote(name)}, but must be kernel, userspace, or unset`,
  )
}

/** The API key may be named in the environment, by Tencent's own names or by flannel's. */
async function loadTencentVpc(): Promise<BackendLoader> {
  const { tencentVpc } = await import('@selvedge/backend-tencentvpc')
  const { env } = process
  const credentials = keyIn(env.TENCENTCLOUD_SECRET_ID, env.TENCENTCLOUD_SECRET_KEY, env.TENCENTCLOUD_TOKEN)
  return tencentVpc({
    credentials: credentials ?? keyIn(env.ACCESS_KEY_ID, env.ACCESS_KEY_SECRET),
    metadataUrl: env.TENCENTCLOUD_METADATA_URL || undefined,
  })
}

const keyIn = (secretId = '', secretKey = '', token = '') =>
  secretId === '' || secretKey === '' ? undefined : { secretId, secretKey, token: token || undefined }

export const extensionFolder = (): string => process.env.EXTENSION_RECORDS_DIR || '/run/flannel/extension'

async function loadExtension(): Promise<BackendLoader> {
  const { extension } = await import('@selvedge/backend-extension')
  return extension({ folder: extensionFolder(), environment: environment() })
}

/** What commands of whichever network's config have done on this host. */
export async function leftCommands(): Promise<readonly Driver[]> {
  if (!existsSync(extensionFolder())) return []
  const { extensionLeftovers } = await import('@selvedge/backend-extension')
  return extensionLeftovers({ folder: extensionFolder(), environment: environment() })
}

export const IPSEC_FOLDER = '/run/selvedge/ipsec'

/** Its charon may be named in the environment: the program to start, or one that runs already. */
async function loadIpsec(): Promise<BackendLoader> {
  const { ipsec, whyNoViciUri } = await import('@selvedge/backend-ipsec')
  const viciUri = process.env.IPSEC_VICI_URI || undefined
  const charon = process.env.IPSEC_CHARON || undefined
  if (viciUri !== undefined) {
    const why = whyNoViciUri(viciUri)
    if (why !== undefined)
      throw new OverlayError('INVALID_CONFIG', `IPSEC_VICI_URI is ${quote(viciUri)}, but ${why}`)
    if (charon !== undefined) {
      throw new OverlayError(
        'INVALID_CONFIG',
        `IPSEC_CHARON is ${quote(charon)} and IPSEC_VICI_URI ${quote(viciUri)}: give one, for a charon to start or for ` +
          'one that runs',
      )
    }
  }
  return ipsec({ folder: IPSEC_FOLDER, viciUri, charon })
}

/** Without a charon of its own, it may have left connections in another's. */
const mayHaveIpsec = (): boolean => existsSync(IPSEC_FOLDER) || (process.env.IPSEC_VICI_URI ?? '') !== ''
