import { open } from 'node:fs/promises'
import type { AgentSettings, StoreSettings } from '@selvedge/agent/flags'

/** Keys and tokens are short; what is longer was named by mistake, such as a device. */
const MAX_BYTES = 64 * 1024

/** flannel's, and where the kubelet mounts a pod's. */
const WIREGUARD_KEY = '/run/flannel/wgkey'
const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** Shorter lines of a key in PEM, such as its last, may occur by chance. */
const MIN_LINE_LENGTH = 32

/**
 * What the files hold that an agent with these settings takes keys and tokens from: no report reads them, but a log may repeat
 * them. Files that cannot be read hold nothing.
 */
export async function secretsOfFiles(
  { store }: Pick<AgentSettings, 'store'>,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[]> {
  const paths = [variables.WIREGUARD_KEY_FILE || WIREGUARD_KEY, SERVICE_ACCOUNT_TOKEN, ...pathsOf(store)]
  return (await Promise.all(paths.map(start))).flatMap(secretsOfText)
}

function pathsOf(store: StoreSettings): readonly string[] {
  if (store.type === 'etcd') return store.tls.key === undefined ? [] : [store.tls.key]
  if (store.type !== 'nats') return []
  const { credentials, tls } = store
  const own = tls.keyFile === undefined ? [] : [tls.keyFile]
  if (credentials === undefined) return own
  if ('nkeyFile' in credentials) return [...own, credentials.nkeyFile]
  return 'credsFile' in credentials ? [...own, credentials.credsFile] : own
}

/** The whole, and each line of a key in PEM, or of a JWT and a seed in a creds file. */
export function secretsOfText(text: string): readonly string[] {
  const whole = text.trim()
  if (whole === '') return []
  const lines = whole.includes('-----BEGIN') ? whole.split('\n').map((line) => line.trim()) : []
  return [whole, ...lines.filter((line) => line.length >= MIN_LINE_LENGTH && !line.startsWith('-----'))]
}

async function start(path: string): Promise<string> {
  try {
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0)
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch {
    return ''
  }
}
